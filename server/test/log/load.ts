/**
 * Appends without end, many under way at once, and an audit of what the log holds afterwards: nothing that was
 * acknowledged is lost, nothing that was sent once is there twice, and a part's records are in the order of their
 * appends.
 */
import { partOf } from "@carillon/protocol/partition";
import type { StreamName } from "@carillon/protocol/stream";
import { expect } from "vitest";
import { records } from "../../src/log/conformance/suite.ts";
import type { LogDriver, LogRecord } from "../../src/log/driver.ts";

const streams: readonly StreamName[] = Array.from({ length: 12 }, (_, at): StreamName => `user:${at}`);

/** Whoever is refused comes back later with something else. */
const retryMs = 250;

export interface Audit {
  readonly acknowledged: number;
  readonly lost: number;
  readonly repeated: number;
  readonly disordered: number;
}

export function startLoad(log: LogDriver, underWay = 60) {
  const sent: (readonly LogRecord[])[] = [];
  const acknowledged = new Set<string>();
  const waiting: { readonly at: number; readonly tell: () => void }[] = [];
  let turn = 0;
  let going = true;

  const one = async (): Promise<void> => {
    while (going) {
      const some = records(streams[turn++ % streams.length]!, 1 + (turn % 4), `{"turn":${turn}}`);
      sent.push(some);
      try {
        await log.append(some);
        for (const { key } of some) acknowledged.add(key);
      } catch {
        await new Promise((resolve) => setTimeout(resolve, retryMs));
      }
      for (const { at, tell } of waiting) if (acknowledged.size >= at) tell();
    }
  };
  const running = Array.from({ length: underWay }, one);

  return {
    /** Resolves when so many more records are acknowledged. */
    more: (count: number) =>
      new Promise<void>((tell) => void waiting.push({ at: acknowledged.size + count, tell })),
    /** Answers with what was acknowledged, in the order in which it was appended. */
    async stop(): Promise<readonly LogRecord[]> {
      going = false;
      await Promise.all(running);
      return sent.flat().filter(({ key }) => acknowledged.has(key));
    },
  };
}

export function audit(
  acknowledged: readonly LogRecord[],
  read: ReadonlyMap<number, readonly LogRecord[]>,
): Audit {
  const parts = read.size;
  let lost = 0;
  let repeated = 0;
  let disordered = 0;
  for (const [part, found] of read) {
    const places = new Map<string, number>();
    const twice = new Set<string>();
    for (const [at, { key }] of found.entries()) {
      if (places.has(key)) twice.add(key);
      else places.set(key, at);
    }
    let last = -1;
    for (const { key, stream } of acknowledged) {
      if (partOf(stream, parts) !== part) continue;
      const at = places.get(key);
      if (at === undefined) lost++;
      else if (at < last) disordered++;
      if (at !== undefined) last = Math.max(last, at);
      if (twice.has(key)) repeated++;
    }
  }
  return { acknowledged: acknowledged.length, lost, repeated, disordered };
}

/** All that the log holds, part by part, up to where it ends now. */
export async function readAll(log: LogDriver): Promise<Map<number, LogRecord[]>> {
  const all = new Map<number, LogRecord[]>();
  for (let part = 0; part < log.parts; part++) {
    const found: LogRecord[] = [];
    all.set(part, found);
    const { end } = (await log.place(part))!;
    if (end === "0") continue;
    const done = Promise.withResolvers<void>();
    const consumption = await log.consume(part, "0", async (batch) => {
      expect(batch.rejected).toEqual([]);
      found.push(...batch.records);
      if (batch.progress!.to === end) done.resolve();
      return batch.records.map((_, at) => ({ status: "stored", seq: at + 1 }));
    });
    await done.promise;
    await consumption.stop();
  }
  return all;
}
