import { EventSource } from "eventsource";
import { describe, expect, test } from "vitest";
import { serve } from "../process.ts";
import { makeShown, numbers, sendNumbers, tokenFor } from "../producer.ts";

interface Listener {
  readonly shown: ReturnType<typeof makeShown>;
  readonly seqs: number[];
  ping(): Promise<void>;
  close(): void;
}

/** As the package's own page has it: a fetch that adds the header; the rest is the EventSource's business. */
function listen(url: string, token: string): Listener {
  const source = new EventSource(`${url}/v1/events`, {
    fetch: (input, init) =>
      fetch(input, { ...init, headers: { ...init.headers, authorization: `Bearer ${token}` } }),
  });
  const shown = makeShown();
  const seqs: number[] = [];
  source.addEventListener("notification", ({ data }) => {
    const { seq, event } = JSON.parse(data) as { seq: number; event: { data: number } };
    seqs.push(seq);
    shown.push(event.data);
  });
  return {
    shown,
    seqs,
    ping: () => new Promise((resolve) => source.addEventListener("ping", () => resolve(), { once: true })),
    close: () => source.close(),
  };
}

// It waits for as long as the server says, seconds, and the server has to start meanwhile.
describe.concurrent("the eventsource package", { timeout: 120_000 }, () => {
  test("invariant 6: it comes back by itself after a kill, nothing missing, nothing twice", async () => {
    const server = await serve(["--heartbeat", "1s"]);
    const listener = listen(server.url, await tokenFor(server, "quiet"));
    await sendNumbers(server, "quiet", 1, 40);
    await listener.shown.reached(40);
    await sendNumbers(server, "quiet", 41, 80);
    await listener.shown.reached(80);
    // A heartbeat later the id that ends the flush has come for certain.
    await listener.ping();
    await server.killAndRestart();
    await sendNumbers(server, "quiet", 81, 120);
    await listener.shown.reached(120);
    await sendNumbers(server, "quiet", 121, 140);
    await listener.shown.reached(140);
    expect(listener.shown.data).toEqual(numbers(1, 140));
    expect(listener.seqs).toEqual(numbers(1, 140));
    listener.close();
    await server.stop();
  });

  test("invariant 4: killed in the middle of a flush, it may repeat that flush, and misses nothing", async () => {
    const server = await serve(["--heartbeat", "1s"]);
    const listener = listen(server.url, await tokenFor(server, "busy"));
    await listener.ping();
    for (let at = 1; at <= 400; at += 20) await sendNumbers(server, "busy", at, at + 19);
    await server.killAndRestart();
    await sendNumbers(server, "busy", 401, 420);
    await listener.shown.reached(420);
    const newest = { seq: 0 };
    const kept = listener.shown.data.filter((_, at) => {
      const seq = listener.seqs[at]!;
      if (seq <= newest.seq) return false;
      newest.seq = seq;
      return true;
    });
    expect(kept).toEqual(numbers(1, 420));
    listener.close();
    await server.stop();
  });
});
