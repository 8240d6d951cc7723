import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { expect, test } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { closeWithin } from "../../src/http/closing.ts";
import { makeManualClock } from "../manual-clock.ts";
import { openStage } from "./stage.ts";

const unfinished = [
  ["a body for nobody", "POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\na"],
  ["headers", "GET /v1/topics HTTP/1.1\r\nHost: a\r\n"],
] as const;

test.each(unfinished)(
  "a stranger's request that never comes whole doesn't hold up the end: %s",
  async (_, text) => {
    const stage = await openStage();
    const { app } = stage;
    await app.listen({ port: 0, host: "127.0.0.1" });
    const socket = connect((app.server.address() as AddressInfo).port, "127.0.0.1");
    const ended = new Promise((resolve) => socket.resume().on("error", resolve).on("close", resolve));
    await once(app.server, "connection");
    await new Promise((resolve) => socket.write(text, resolve));
    const clock = makeManualClock();
    const closing = closeWithin(app, clock, 5_000);
    let isClosed = false;
    void closing.then(() => {
      isClosed = true;
    });
    while (!isClosed) {
      clock.advance(5_000);
      await new Promise((resolve) => systemClock.soon(() => resolve(undefined)));
    }
    await ended;
    expect(app.server.listening).toBe(false);
    await stage.close();
  },
);
