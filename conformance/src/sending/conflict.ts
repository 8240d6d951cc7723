import type { Accepted } from "@carillon/protocol/answers";
import { expect } from "vitest";
import { faultOfProblem } from "../client/request.ts";
import type { Server } from "../server.ts";

/** Other content under a name whose place is `seq`: told, or, by who answers early, taken and then passed over. */
export async function expectConflict(server: Server, to: string, body: object, seq = 1): Promise<void> {
  const { status, body: told } = await server.send(body);
  const [receipt] = (told as Accepted).receipts;
  if (status === 202 && (await server.answersEarly())) {
    expect(receipt).toEqual({ to, status: "accepted", seq });
    return;
  }
  expect(status).toBe(409);
  const { id, source } = body as { id: string; source: string };
  expect(told).toMatchObject({ code: "conflict", id, source });
  expect(receipt).toMatchObject({ to, status: "conflict", seq });
  expect(faultOfProblem(receipt!.error)).toBeNull();
}
