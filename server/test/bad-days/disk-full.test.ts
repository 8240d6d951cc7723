import { rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Answer, ask, json, must, tokenFor } from "./ask.ts";
import { comeBack } from "./client.ts";
import { makeGate } from "./gate.ts";
import { makeInbox } from "./inbox.ts";
import { makeLedger } from "./ledger.ts";
import { mountSmallDisk, noMounts } from "./mounts.ts";
import { makeDirectory, spawnServer, startServer } from "./server-process.ts";
import { openExactWebSocket } from "./transports/websocket.ts";

const mebibyte = 1 << 20;
const data = "x".repeat(30_000);

test("invariant 1: a full disk refuses with 503 what it can't keep, loses nothing, and recovers by itself", {
  timeout: 120_000,
}, async ({ skip }) => {
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
  const open = new Set<string>();
  /** Sends it, keeps the promise if there is one, and says how it went. */
  async function send(id: string): Promise<Answer> {
    open.add(id);
    ledger.sending({ id, to: ["user:ada"], data });
    const event = { id, to: "user:ada", source: "/test", type: "test", data };
    const answer = await ask(`${server.url}/v1/notifications`, { ...json(event), bearer: server.apiKey });
    if (answer === null) throw new Error("no answer");
    if (answer.status !== 202) return answer;
    const { receipts } = answer.json as { receipts: readonly { seq: number }[] };
    ledger.promised(id, "user:ada", receipts[0]!.seq);
    open.delete(id);
    return answer;
  }
  /** Some at a time, so that what fails together is seen to fail together. */
  async function sendUntilFull(abreast: number): Promise<void> {
    const refused = Array.from({ length: abreast }, async () => {
      for (;;) {
        const answer = await send(`n${serial++}`);
        expect(ledger.violations).toEqual([]);
        if (answer.status !== 202) return answer;
      }
    });
    for (const answer of await Promise.all(refused)) expectFull(answer);
  }
  const expectFull = (answer: Answer): void => {
    expect(answer.status, answer.text).toBe(503);
    expect(Number(answer.headers["retry-after"])).toBeGreaterThan(0);
    expect(answer.headers["content-type"]).toBe("application/problem+json");
    expect(answer.json).toMatchObject({ code: "storage-full", receipts: [{ status: "refused" }] });
  };

  await sendUntilFull(1);
  const kept = ledger.count();
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
  expectFull(await send(`n${serial++}`));

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
    const answer = await send(`n${serial++}`);
    if (answer.status !== 202) expectFull(answer);
    rmSync(ballast);
  }

  // Space is back: the very next one is taken, without a restart.
  gate.open(server.url);
  expect((await send(`n${serial++}`)).status).toBe(202);
  const free = statfsSync(directory);
  writeFileSync(ballast, Buffer.alloc(Math.max(0, free.bavail * free.bsize - mebibyte)));
  await sendUntilFull(8);
  rmSync(ballast);
  for (const id of open) expect((await send(id)).status).toBe(202);

  await Promise.all([inbox, reader].map((one) => one.has("user:ada", serial)));
  await Promise.all([client.stop(), second.stop()]);
  expect(ledger.violations).toEqual([]);
  const seqs = ledger.promisedIn("user:ada");
  const promised = Array.from({ length: serial }, (_, at) => seqs.get(at + 1));
  expect(inbox.received.get("user:ada")).toEqual(promised);
  expect(reader.received.get("user:ada")).toEqual(promised);
  expect(await server.kill("SIGTERM")).toEqual({ code: 0, signal: null });
});
