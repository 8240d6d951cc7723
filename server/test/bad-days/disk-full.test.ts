import { rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Answer, ask, json, must, tokenFor } from "./ask.ts";
import { comeBack } from "./client.ts";
import { makeGate } from "./gate.ts";
import { makeInbox } from "./inbox.ts";
import { makeLedger } from "./ledger.ts";
import { mountSmallDisk, noMounts } from "./mounts.ts";
import { makeDirectory, type ServerProcess, spawnServer, startServer } from "./server-process.ts";
import { openExactWebSocket } from "./transports/websocket.ts";

const mebibyte = 1 << 20;
const data = "x".repeat(30_000);

test("invariant 1: a full disk refuses with 503 what it can't keep, loses nothing, and recovers by itself", async ({
  skip,
}) => {
  if (noMounts !== null) skip(noMounts);
  const directory = makeDirectory();
  mountSmallDisk(directory, 12 * mebibyte);
  const ballast = join(directory, "ballast");
  let server = await startServer({ directory });
  writeFileSync(ballast, Buffer.alloc(6 * mebibyte));

  const ledger = makeLedger();
  const gate = makeGate();
  gate.open(server.url);
  const token = await tokenFor(server, "ada");
  const inbox = makeInbox("ada's client", ledger);
  const client = comeBack({ gate, token, inbox, transport: () => openExactWebSocket });

  let serial = 0;
  /** Sends one, keeps the promise if there is one, and says how it went. */
  async function send(at: Pick<ServerProcess, "url" | "apiKey">): Promise<Answer> {
    const sent = { id: `n${serial}`, to: ["user:ada"] as const, data };
    ledger.sending(sent);
    const event = { ...sent, source: "/test", type: "test" };
    const answer = await ask(`${at.url}/v1/notifications`, { ...json(event), bearer: at.apiKey });
    if (answer === null) throw new Error("no answer");
    if (answer.status !== 202) return answer;
    const { receipts } = answer.json as { receipts: readonly { seq: number }[] };
    ledger.promised(sent.id, "user:ada", receipts[0]!.seq);
    serial++;
    return answer;
  }
  async function sendUntilFull(): Promise<Answer> {
    for (;;) {
      const answer = await send(server);
      expect(ledger.violations).toEqual([]);
      if (answer.status !== 202) return answer;
    }
  }
  const expectFull = (answer: Answer): void => {
    expect(answer.status, answer.text).toBe(503);
    expect(Number(answer.headers["retry-after"])).toBeGreaterThan(0);
    expect(answer.headers["content-type"]).toBe("application/problem+json");
    expect(answer.json).toMatchObject({ code: "storage-full", receipts: [{ status: "refused" }] });
  };

  expectFull(await sendUntilFull());
  const kept = serial;
  expect(kept).toBeGreaterThan(20);
  await inbox.has("user:ada", kept);

  // Reading goes on, and so does refusing.
  const { json: found } = await must(200, `${server.url}/v1/notifications/n0?source=/test&to=user:ada`, {
    bearer: server.apiKey,
  });
  expect(found).toMatchObject({ seq: 1 });
  const reader = makeInbox("ada's second client", ledger);
  const second = comeBack({ gate, token, inbox: reader, transport: () => openExactWebSocket });
  await reader.has("user:ada", kept);
  expectFull(await send(server));

  // Killed and started again on the full disk: it serves what it has, or says in a sentence why it can't.
  gate.close();
  await server.kill("SIGKILL");
  const again = spawnServer({ directory });
  const started = await again.serving;
  if (started === null) {
    expect(await again.exit).toEqual({ code: 1, signal: null });
    expect(again.said).toEqual([expect.stringMatching(/^carillon could not start: no space is left/)]);
    rmSync(ballast);
    server = await startServer({ directory });
  } else {
    server = started;
    const answer = await send(server);
    if (answer.status !== 202) expectFull(answer);
    rmSync(ballast);
  }

  // Space is back: the very next one is taken, without a restart.
  gate.open(server.url);
  expect((await send(server)).status).toBe(202);
  const free = statfsSync(directory);
  writeFileSync(ballast, Buffer.alloc(Math.max(0, free.bavail * free.bsize - mebibyte)));
  expectFull(await sendUntilFull());
  rmSync(ballast);
  expect((await send(server)).status).toBe(202);

  await Promise.all([inbox, reader].map((one) => one.has("user:ada", serial)));
  await Promise.all([client.stop(), second.stop()]);
  expect(ledger.violations).toEqual([]);
  const promised = Array.from({ length: serial }, (_, at) => `n${at}`);
  expect(inbox.received.get("user:ada")).toEqual(promised);
  expect(reader.received.get("user:ada")).toEqual(promised);
  expect(await server.kill("SIGTERM")).toEqual({ code: 0, signal: null });
});
