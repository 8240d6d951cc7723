// Revocations and tickets, where several processes serve: what is said to one holds on all.
import type { Ticket, Token } from "@carillon/protocol/answers";
import { closeCodes } from "@carillon/protocol/close-codes";
import { describe, expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { postgresAlone, postgresAndRedis } from "./combinations.ts";
import { stageFor } from "./stage.ts";

describe.each([postgresAlone, postgresAndRedis])("$name", (combination) => {
  const stage = stageFor(combination);
  let users = 0;

  const post = async (url: string, path: string, credential: string, body?: object) => {
    const response = await fetch(`${url}${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${credential}`, ...(body && { "content-type": "application/json" }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    expect(response.status, `${path} at ${url}`).toBe(201);
    return response.json();
  };
  const asProducer = (path: string, body: object) => {
    const { url, apiKey } = stage().deployment.front();
    return post(url, path, apiKey, body);
  };
  const newUser = async () => {
    const user = `access-${++users}`;
    return { user, ...((await asProducer(`/v1/users/${user}/tokens`, {})) as Token) };
  };
  const distributors = () => stage().deployment.urls("distributor") as [string, string];

  /** Resolves when it has said hello. */
  async function connect(url: string, query: string, token: string | null) {
    const headers = token === null ? {} : { authorization: `Bearer ${token}` };
    const socket = new WebSocket(`${url.replace("http", "ws")}/v1/live${query}`, ["carillon.v1"], {
      headers,
    });
    onTestFinished(() => socket.terminate());
    const closed = new Promise<number>((resolve) => socket.once("close", resolve));
    const hello = new Promise<"hello">((resolve) => socket.once("message", () => resolve("hello")));
    return { closed, first: await Promise.race([hello, closed]) };
  }

  test("a revocation ends the user's sessions on every process", async () => {
    const { user, token } = await newUser();
    const other = await newUser();
    const sessions = await Promise.all(distributors().map((url) => connect(url, "", token)));
    const kept = await connect(distributors()[1], "", other.token);
    expect([...sessions, kept].map(({ first }) => first)).toEqual(["hello", "hello", "hello"]);
    await asProducer(`/v1/users/${user}/revocations`, {});
    const codes = await Promise.all(sessions.map(({ closed }) => closed));
    expect(codes).toEqual([closeCodes["token-revoked"].code, closeCodes["token-revoked"].code]);
    expect(await Promise.race([kept.closed, "open"])).toBe("open");
    for (const url of distributors()) {
      const refused = await fetch(`${url}/v1/unread`, { headers: { authorization: `Bearer ${token}` } });
      expect(await refused.json()).toMatchObject({ code: "token-revoked" });
    }
  });

  test("a ticket made on one process opens one session on one of them", async () => {
    const { token } = await newUser();
    const [here, there] = distributors();
    const { ticket } = (await post(here, "/v1/tickets", token)) as Ticket;
    expect((await connect(there, `?ticket=${ticket}`, null)).first).toBe("hello");
    expect((await connect(here, `?ticket=${ticket}`, null)).first).toBe(closeCodes["ticket-invalid"].code);
    const tickets = await Promise.all([1, 2, 3].map(() => post(here, "/v1/tickets", token)));
    const tried = await Promise.all(
      (tickets as Ticket[]).flatMap((one) =>
        [here, there].map((url) => connect(url, `?ticket=${one.ticket}`, null)),
      ),
    );
    expect(tried.filter(({ first }) => first === "hello")).toHaveLength(3);
  });
});
