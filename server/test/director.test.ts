import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StreamName } from "@carillon/protocol/stream";
import { describe, expect, onTestFinished, test } from "vitest";
import type { BusMessage } from "../src/bus/driver.ts";
import { type Clock, systemClock } from "../src/clock.ts";
import { type DirectorEvents, makeDirector } from "../src/director/director.ts";
import { Failure } from "../src/errors.ts";
import { makeKeptLog } from "../src/log/conformance/kept.ts";
import { record, records } from "../src/log/conformance/suite.ts";
import type { LogDriver } from "../src/log/driver.ts";
import { makeInlineLog } from "../src/log/inline.ts";
import { openSqlite } from "../src/store/sqlite/open.ts";
import type { StreamsDriver } from "../src/store/streams.ts";
import { makeManualClock } from "./manual-clock.ts";

const away = new Failure("unavailable", "the store is away");
const ada: StreamName = "user:ada";

async function openStreams(): Promise<StreamsDriver> {
  const directory = mkdtempSync(join(tmpdir(), "carillon-director-"));
  const store = await openSqlite({ directory, identityWindowMs: 86_400_000 });
  onTestFinished(async () => {
    await store.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  return store.streams;
}

/** A director with what it says to the bus; `published` resolves when it has said so many things in all. */
async function direct(
  log: LogDriver,
  streams: StreamsDriver,
  clock: Clock = systemClock,
  events: Partial<DirectorEvents> = {},
) {
  const messages: BusMessage[] = [];
  let look = (): void => {};
  const director = makeDirector({
    log,
    streams,
    clock,
    events,
    random: () => 0.5,
    bus: {
      publish(some) {
        messages.push(...some);
        look();
      },
    },
  });
  onTestFinished(() => director.stop());
  await director.start();
  const published = (count: number): Promise<void> =>
    new Promise((resolve) => {
      look = () => {
        if (messages.length >= count) resolve();
      };
      look();
    });
  return { director, messages, published };
}

const seqsOf = (messages: readonly BusMessage[]): number[] =>
  messages.flatMap((message) => (message.type === "rows" ? message.rows.map(({ seq }) => seq) : []));

const bodiesOf = async (streams: StreamsDriver, stream: StreamName): Promise<(string | null)[]> =>
  (await streams.read(stream, 0, 256)).rows.map(({ body }) => body);

const numbered = (from: number, count: number) =>
  Array.from({ length: count }, (_, at) => record(ada, JSON.stringify(from + at)));

describe("with the log inline", () => {
  test("what is committed is announced and answered, one outcome a record", async () => {
    const streams = await openStreams();
    const log = makeInlineLog({ clock: systemClock });
    const { messages } = await direct(log, streams);
    const [one, two] = records(ada, 2) as [ReturnType<typeof record>, ReturnType<typeof record>];
    const answers = await log.append([one, two, one, { ...two, digest: "other".padEnd(22, "x") }]);
    expect(answers.map((answer) => answer.state === "settled" && answer.outcome)).toEqual([
      { status: "stored", seq: 1 },
      { status: "stored", seq: 2 },
      { status: "duplicate", seq: 1 },
      { status: "conflict", seq: 2 },
    ]);
    expect(seqsOf(messages)).toEqual([1, 2]);
  });

  test("invariant 2: nothing is said to the bus before it is committed, and all of it can be read by then", async () => {
    const streams = await openStreams();
    const log = makeInlineLog({ clock: systemClock });
    let reached = (): void => {};
    let release = (): void => {};
    const applying = new Promise<void>((resolve) => {
      reached = resolve;
    });
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { messages } = await direct(log, {
      ...streams,
      async apply(batch) {
        reached();
        await released;
        return streams.apply(batch);
      },
    });
    const append = log.append(records(ada, 3));
    await applying;
    await new Promise<void>((resolve) => setImmediate(resolve));
    expect(messages).toEqual([]);
    release();
    await append;
    expect(seqsOf(messages)).toEqual([1, 2, 3]);
    expect((await streams.heads([ada])).heads[0]?.head).toBe(3);
  });

  test("invariant 1: a store that is away fails the appends with its own failure, and nothing is announced", async () => {
    const streams = await openStreams();
    const log = makeInlineLog({ clock: systemClock });
    let broken = true;
    const failed: unknown[] = [];
    const { messages } = await direct(
      log,
      { ...streams, apply: (batch) => (broken ? Promise.reject(away) : streams.apply(batch)) },
      systemClock,
      { failed: (_, failure) => failed.push(failure) },
    );
    const sent = records(ada, 1);
    await expect(log.append(sent)).rejects.toBe(away);
    expect(failed).toEqual([away]);
    expect(messages).toEqual([]);
    broken = false;
    expect(await log.append(sent)).toEqual([{ state: "settled", outcome: { status: "stored", seq: 1 } }]);
  });

  test("stopping the log first lets everything that waits be committed", async () => {
    const streams = await openStreams();
    const log = makeInlineLog({ clock: systemClock });
    const { director } = await direct(log, streams);
    const appends = Array.from({ length: 20 }, () => log.append(records(ada, 5)));
    await log.stop();
    await director.stop();
    await Promise.all(appends);
    expect((await streams.heads([ada])).heads[0]?.head).toBe(100);
  });
});

describe("with a log that keeps offsets", () => {
  test("a store that is away is waited for, longer each time, and nothing is lost or repeated", async () => {
    const streams = await openStreams();
    const log = makeKeptLog(1);
    const clock = makeManualClock();
    const waits: number[] = [];
    const timed: Clock = {
      ...clock,
      after(delayMs, run) {
        waits.push(delayMs);
        return clock.after(delayMs, run);
      },
    };
    let attempts = 0;
    const { messages, published } = await direct(
      log,
      {
        ...streams,
        apply: (batch) => (++attempts <= 3 ? Promise.reject(away) : streams.apply(batch)),
        upkeep: async () => 0,
      },
      timed,
    );
    const upkeepWaits = waits.splice(0);
    await log.append(numbered(1, 3));
    for (let attempt = 1; attempt <= 3; attempt++) {
      while (attempts < attempt || waits.length < attempt)
        await new Promise((resolve) => setImmediate(resolve));
      clock.advance(waits[attempt - 1]!);
    }
    await published(1);
    expect(upkeepWaits).toEqual([1_000]);
    expect(waits.filter((waitMs) => waitMs !== 1_000)).toEqual([50, 100, 200]);
    expect(seqsOf(messages)).toEqual([1, 2, 3]);
    expect(await bodiesOf(streams, ada)).toEqual(["1", "2", "3"]);
    expect(await streams.progress(0)).toBe("3");
  });

  test("invariant 12: a batch whose answer was lost is not applied again; its heads are published", async () => {
    const streams = await openStreams();
    const log = makeKeptLog(1);
    let applied = 0;
    const { messages, published } = await direct(
      log,
      {
        ...streams,
        async apply(batch) {
          applied++;
          const answer = await streams.apply(batch);
          if (applied === 1) throw away;
          return answer;
        },
      },
      { ...systemClock, after: (_, run) => systemClock.after(0, run) },
    );
    await log.append([...numbered(1, 2), record("topic:t")]);
    await published(2);
    expect(messages).toEqual([
      { type: "head", stream: ada, head: 2 },
      { type: "head", stream: "topic:t", head: 1 },
    ]);
    await log.append(numbered(3, 1));
    await published(3);
    expect(applied).toBe(2);
    expect(seqsOf(messages)).toEqual([3]);
    expect(await bodiesOf(streams, ada)).toEqual(["1", "2", "3"]);
  });

  test("invariant 12: a director frozen in a batch writes nothing once another has moved on, and follows it", async () => {
    const streams = await openStreams();
    const log = makeKeptLog(1);
    let thaw = (): void => {};
    let frozen = (): void => {};
    const isFrozen = new Promise<void>((resolve) => {
      frozen = resolve;
    });
    const thawed = new Promise<void>((resolve) => {
      thaw = resolve;
    });
    const overtaken: number[] = [];
    const old = await direct(
      log,
      {
        ...streams,
        async apply(batch) {
          frozen();
          await thawed;
          return streams.apply(batch);
        },
      },
      systemClock,
      { overtaken: (part) => overtaken.push(part) },
    );
    await log.append(numbered(1, 3));
    await isFrozen;
    const heir = await direct(log, streams);
    await log.append(numbered(4, 2));
    await heir.published(1);
    while ((await streams.progress(0)) !== "5") await new Promise((resolve) => setImmediate(resolve));
    await heir.director.stop();
    thaw();
    while (overtaken.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(overtaken).toEqual([0]);
    expect(old.messages).toEqual([]);
    expect(await bodiesOf(streams, ada)).toEqual(["1", "2", "3", "4", "5"]);
    await log.append(numbered(6, 1));
    await old.published(1);
    expect(seqsOf(old.messages)).toEqual([6]);
    expect(await bodiesOf(streams, ada)).toEqual(["1", "2", "3", "4", "5", "6"]);
  });

  test("invariant 12: two directors at once: one numbering, whoever commits", async () => {
    const streams = await openStreams();
    const log = makeKeptLog(1);
    const one = await direct(log, streams);
    const two = await direct(log, streams);
    for (let at = 0; at < 50; at++) await log.append(numbered(at, 1));
    while ((await streams.progress(0)) !== "50") await new Promise((resolve) => setImmediate(resolve));
    await one.director.stop();
    await two.director.stop();
    expect(await bodiesOf(streams, ada)).toEqual(Array.from({ length: 50 }, (_, at) => String(at)));
    expect([...seqsOf(one.messages), ...seqsOf(two.messages)].sort((a, b) => a - b)).toEqual(
      Array.from({ length: 50 }, (_, at) => at + 1),
    );
  });

  test("invariant 5: a new director goes on where the last one stopped, in every part", async () => {
    const streams = await openStreams();
    const log = makeKeptLog(4);
    const names = Array.from({ length: 20 }, (_, at): StreamName => `user:${at}`);
    const first = await direct(log, streams);
    await log.append(names.map((name) => record(name)));
    await first.published(20);
    await first.director.stop();
    await log.append(names.map((name) => record(name)));
    const second = await direct(log, streams);
    await second.published(40);
    expect(new Set(seqsOf(first.messages))).toEqual(new Set([1]));
    expect(new Set(seqsOf(second.messages))).toEqual(new Set([2]));
  });

  test("invariant 9: what its last owner may have died without telling is told by the next", async () => {
    const streams = await openStreams();
    const log = makeKeptLog(2);
    const names = Array.from({ length: 20 }, (_, at): StreamName => `user:${at}`);
    const mute = await direct(log, streams);
    await log.append(names.map((name) => record(name)));
    await mute.published(20);
    await mute.director.stop();
    const heir = await direct(log, streams);
    await heir.published(20);
    expect(new Set(heir.messages)).toEqual(
      new Set(names.map((stream): BusMessage => ({ type: "head", stream, head: 1 }))),
    );
    expect((await streams.heads(names)).heads.map(({ head }) => head)).toEqual(names.map(() => 1));
  });

  /** Part 0 was another's, and now the log gives nothing any more. */
  const heirWithoutLog = async (clock: Clock) => {
    const streams = await openStreams();
    const log = makeKeptLog(1);
    const last = await direct(log, streams);
    await log.append(records(ada, 3));
    await last.published(1);
    await last.director.stop();
    const froms: (string | null)[] = [];
    const { promise: asked, resolve } = Promise.withResolvers<void>();
    const silent: LogDriver = {
      ...log,
      async consume(_, from) {
        froms.push(from);
        resolve();
        return { stop: async () => {}, failed: new Promise<Failure>(() => {}) };
      },
    };
    const bus = { publish: () => {} };
    const director = makeDirector({ log: silent, streams, clock, bus, random: () => 0.5 });
    const started = director.start();
    await asked;
    return { director, started, froms };
  };

  test("invariant 13: stops while the log is away that it has taken a part over from", async () => {
    const { director, started, froms } = await heirWithoutLog(makeManualClock());
    expect(froms).toEqual(["0"]);
    await director.stop();
    await started;
  });

  test("invariant 13: a part that is taken over while the log is away holds nothing else up for long", async () => {
    const clock = makeManualClock();
    const { director, started, froms } = await heirWithoutLog(clock);
    onTestFinished(() => director.stop());
    clock.advance(5_000);
    await started;
    expect(froms).toEqual(["0", "3"]);
  });

  test("stops while the store is away", async () => {
    const streams = await openStreams();
    const log = makeKeptLog(1);
    let attempted = (): void => {};
    const attempt = new Promise<void>((resolve) => {
      attempted = resolve;
    });
    const { director } = await direct(
      log,
      {
        ...streams,
        apply() {
          attempted();
          return Promise.reject(away);
        },
      },
      makeManualClock(),
    );
    await log.append(records(ada, 1));
    await attempt;
    await director.stop();
    await director.stop();
    expect(await streams.progress(0)).toBeNull();
  });
});

describe("upkeep", () => {
  test("runs each second, at once again while there is more, and later when the store is away", async () => {
    const streams = await openStreams();
    const answers: (number | Failure)[] = [0, 500, 500, 3, away, away, 0, away, 0];
    const waits: number[] = [];
    const limits = new Set<number>();
    let done = (): void => {};
    const allDone = new Promise<void>((resolve) => {
      done = resolve;
    });
    await direct(
      makeKeptLog(1),
      {
        ...streams,
        async upkeep(limit) {
          limits.add(limit);
          const answer = answers.shift();
          if (answer instanceof Failure) throw answer;
          return answer ?? 0;
        },
      },
      {
        ...systemClock,
        after(delayMs, run) {
          waits.push(delayMs);
          if (answers.length > 0) setImmediate(run);
          else done();
          return () => {};
        },
      },
    );
    await allDone;
    expect(waits).toEqual([1_000, 1_000, 0, 0, 1_000, 1_500, 2_000, 1_000, 1_500, 1_000]);
    expect(limits).toEqual(new Set([500]));
  });

  test("what has expired is a tombstone in the store after a while", async () => {
    const streams = await openStreams();
    const log = makeInlineLog({ clock: systemClock });
    await direct(log, streams, { ...systemClock, after: (_, run) => systemClock.after(1, run) });
    await log.append([{ ...record(ada), expiresAt: systemClock.now() + 20 }]);
    while ((await bodiesOf(streams, ada))[0] !== null) await new Promise((resolve) => setImmediate(resolve));
    expect((await streams.heads([ada])).heads[0]?.head).toBe(1);
  });
});
