/** SIGTERM under load: nobody is left without an answer, and nothing that was taken is lost. */
import { once } from "node:events";
import { connect } from "node:net";
import type { ServerFrame } from "@carillon/protocol/frames";
import { describe, expect, test } from "vitest";
import { ask, json, must, tokenFor } from "./ask.ts";
import { comeBack } from "./client.ts";
import { makeDice } from "./dice.ts";
import { makeGate } from "./gate.ts";
import { makeInbox } from "./inbox.ts";
import { makeLedger } from "./ledger.ts";
import { produce } from "./producer.ts";
import { makeDirectory, startServer } from "./server-process.ts";
import { openEvents } from "./transports/events.ts";
import { openPolls } from "./transports/poll.ts";
import { openRawWebSocket } from "./transports/raw-websocket.ts";
import { openExactWebSocket, openWebSocket } from "./transports/websocket.ts";

const timeout = 120_000;
const flags = ["--drain-window", "1s", "--drain-deadline", "20s", "--log-level", "warn"];

describe("SIGTERM", () => {
  test("invariant 1: under load, requests are answered, clients told to leave, and nothing is lost", {
    timeout,
  }, async () => {
    const directory = makeDirectory();
    const first = await startServer({ directory, flags });
    const { url, apiKey } = first;
    const ledger = makeLedger();
    const gate = makeGate();
    gate.open(url);
    const token = await tokenFor(first, "ada");
    const clients = [openExactWebSocket, openWebSocket, openEvents, openPolls].map((transport) =>
      comeBack({ gate, token, inbox: makeInbox(transport.name, ledger), transport: () => transport }),
    );
    let answers = 0;
    const busy = Promise.withResolvers<void>();
    const producers = Array.from({ length: 6 }, (_, at) =>
      produce({
        name: `p${at}`,
        gate,
        apiKey,
        ledger,
        dice: makeDice(at),
        streams: ["user:ada", "user:bob"],
        onPromise: () => {
          if (++answers === 60) busy.resolve();
        },
      }),
    );
    await busy.promise;

    // In flight when the signal comes: the kernel has every byte of these.
    const inFlight = Array.from({ length: 20 }, (_, at) => {
      const event = { id: `late-${at}`, to: "user:eve", source: "/test", type: "test" };
      return ask(`${url}/v1/notifications`, { ...json(event), bearer: apiKey });
    });
    await ask(`${first.operationsUrl}/livez`);
    const exit = first.kill("SIGTERM");
    gate.close();
    const answered = await Promise.all(inFlight);
    for (const answer of answered) expect([202, 503], answer?.text).toContain(answer?.status);
    expect(await exit, first.said.join("\n")).toEqual({ code: 0, signal: null });

    const second = await startServer({ directory, flags });
    gate.open(second.url);
    await Promise.race([ledger.broken, Promise.all(producers.map((producer) => producer.stop()))]);
    const promised = ledger.promisedIn("user:ada");
    await Promise.race([
      ledger.broken,
      Promise.all(clients.map(({ inbox }) => inbox.has("user:ada", promised.size))),
    ]);
    expect(ledger.violations).toEqual([]);
    const inOrder = Array.from({ length: promised.size }, (_, at) => promised.get(at + 1));
    for (const { inbox } of clients) expect(inbox.received.get("user:ada"), inbox.who).toEqual(inOrder);
    for (const [at, answer] of answered.entries()) {
      if (answer?.status !== 202) continue;
      const { seq } = (answer.json as { receipts: readonly [{ seq: number }] }).receipts[0];
      const where = `${second.url}/v1/notifications/late-${at}?source=/test&to=user:eve`;
      expect((await must(200, where, { bearer: apiKey })).json).toMatchObject({ seq });
    }
    await Promise.all(clients.map((client) => client.stop()));
  });

  test("readiness fails, sessions hear goaway and then draining, new ones are refused", {
    timeout,
  }, async () => {
    const server = await startServer({ directory: makeDirectory(), flags });
    const token = await tokenFor(server, "ada");
    await must(200, `${server.operationsUrl}/readyz`);
    const heard: string[] = [];
    const live = Promise.withResolvers<void>();
    const goaway = Promise.withResolvers<ServerFrame>();
    const { closed } = openRawWebSocket(server.url, {
      headers: { Authorization: `Bearer ${token}` },
      onText(text) {
        const frame = JSON.parse(text) as ServerFrame;
        heard.push(frame.type);
        if (frame.type === "caught-up") live.resolve();
        if (frame.type === "goaway") goaway.resolve(frame);
      },
    });
    await live.promise;
    const exit = server.kill("SIGTERM");
    const told = await Promise.race([goaway.promise, closed]);
    expect(told).toMatchObject({ reason: "draining", withinMs: 1_000 });
    const ready = await must(503, `${server.operationsUrl}/readyz`);
    expect(ready.json).toMatchObject({ ready: false });
    await must(200, `${server.operationsUrl}/livez`);
    const refused = await ask(`${server.url}/v1/poll?wait=0`, { bearer: token });
    expect([503, undefined]).toContain(refused?.status);
    expect(await closed).toBe(3_000);
    expect(heard).toEqual(["hello", "caught-up", "goaway"]);
    expect(await exit).toEqual({ code: 0, signal: null });
  });

  test("those who neither read nor finish don't hold it up, and a second signal ends it at once", {
    timeout,
  }, async () => {
    const server = await startServer({
      directory: makeDirectory(),
      flags: [...flags, "--drain-window", "10s"],
    });
    const { port } = new URL(server.url);
    const halfRequest = connect({ port: Number(port), host: "127.0.0.1" });
    halfRequest.on("error", () => {});
    halfRequest.write("POST /v1/notifications HTTP/1.1\r\nHost: localhost\r\nContent-Le");
    await once(halfRequest, "connect");
    const stuck = openRawWebSocket(server.url, {
      headers: { Authorization: `Bearer ${await tokenFor(server, "ada")}` },
      onText: () => {},
    });
    await stuck.status;
    stuck.socket.pause();
    const exit = server.kill("SIGTERM");
    // Until it has begun to drain, the second one would be taken for the same wish.
    while ((await ask(`${server.operationsUrl}/readyz`))?.status === 200);
    await new Promise((resolve) => setTimeout(resolve, 300));
    server.child.kill("SIGTERM");
    expect(await exit).toEqual({ code: 143, signal: null });
    stuck.socket.destroy();
    halfRequest.destroy();
  });
});
