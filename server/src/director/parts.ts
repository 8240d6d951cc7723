/**
 * The parts that a director consumes. Each is taken, dropped or sought in its own turn: the consumption before has
 * stopped, its batch under way included, before the next begins. What fails is tried again, later each time, for as
 * long as the part is wanted.
 */
import type { StreamName } from "@carillon/protocol/stream";
import { type Backoff, backoffMs } from "../backoff.ts";
import type { Clock } from "../clock.ts";
import { Failure } from "../errors.ts";
import type { Consumer, Consumption, LogDriver } from "../log/driver.ts";
import type { CoordinationDriver } from "../store/coordination.ts";
import type { StreamsDriver } from "../store/streams.ts";
import { standingOf } from "./standing.ts";

export interface PartsEvents {
  /** A part can't be consumed now; it is tried again. */
  failed(failure: unknown, part: number): void;
  /** The store is behind the log's witness; the records are read again, up to `until`. */
  replaying(part: number, from: string, until: string): void;
}

export interface PartsOptions {
  readonly log: LogDriver;
  readonly streams: Pick<StreamsDriver, "progress">;
  /** Null where parts never diverge: a log without offsets. */
  readonly coordination: Pick<CoordinationDriver, "beginEpoch" | "setProgress"> | null;
  /** Go on, in a new epoch, where store and log have diverged; without it such a part is refused. */
  readonly acceptRestore: boolean;
  readonly clock: Clock;
  readonly random: () => number;
  /** Settles soon once `dropping` was called with its part. */
  readonly consumer: Consumer;
  dropping(part: number): void;
  /**
   * A part is this director's from now on, and these streams were in what its last owner read last: if that one died
   * between a commit and telling the bus, nobody has told of them yet.
   */
  tookOver(part: number, streams: ReadonlySet<StreamName>): void;
  readonly events: Partial<PartsEvents>;
}

export interface Parts {
  /** Resolves after the first attempt, whatever came of it. */
  take(part: number): Promise<void>;
  /** Resolves when nothing of the part is under way any more. */
  drop(part: number): Promise<void>;
  /** Reads on from where the store stands now. Not awaited from within the consumer. */
  seek(part: number): void;
  stop(): Promise<void>;
  wants(part: number): boolean;
  /** Of parts that are wanted and not consumed: which, and why. */
  troubles(): ReadonlyMap<number, string>;
}

const backoff: Backoff = { baseMs: 100, maxMs: 5_000 };

/** No batch is larger. */
const lastBatchRecords = 2_000n;
/** Who takes a part over waits so long for that batch: what isn't told then is found by the hubs' checks. */
const lastReadMs = 5_000;

interface Wanted {
  attempts: number;
  cancel: () => void;
  /** Whatever it waits for before it is consumed can do without. */
  hurry: () => void;
  isTold: boolean;
}

export function makeParts(options: PartsOptions): Parts {
  const { log, streams, coordination, acceptRestore, clock, random, consumer, events } = options;
  const wanted = new Map<number, Wanted>();
  const consumptions = new Map<number, Consumption>();
  const turns = new Map<number, Promise<void>>();
  const troubles = new Map<number, string>();
  let newEpoch: Promise<number> | undefined;
  /** The parts that go on in it: one that diverges again has lost what it had in this one too. */
  const inNewEpoch = new Set<number>();

  const inTurn = (part: number, work: () => Promise<void>): Promise<void> => {
    const turn = (turns.get(part) ?? Promise.resolve()).then(work);
    turns.set(part, turn);
    return turn;
  };

  const halt = async (part: number): Promise<void> => {
    const consumption = consumptions.get(part);
    consumptions.delete(part);
    await consumption?.stop();
  };

  /** The streams of the records right before `next`, as far as the log gives them soon. */
  const lastRead = async (
    part: number,
    next: string,
    first: string,
    mine: Wanted,
  ): Promise<ReadonlySet<StreamName>> => {
    const until = BigInt(next);
    const back = until - lastBatchRecords;
    const from = back > BigInt(first) ? back : BigInt(first);
    const found = new Set<StreamName>();
    if (from >= until) return found;
    const { promise: reached, resolve } = Promise.withResolvers<void>();
    const reading = await log.consume(part, String(from), async ({ records, progress }) => {
      for (const { stream } of records) found.add(stream);
      if (BigInt(progress!.to) < until) return [];
      resolve();
      throw new Failure("stopped", "read far enough");
    });
    const failed = reading.failed.then((failure) => Promise.reject(failure));
    mine.hurry = resolve;
    if (wanted.get(part) !== mine) resolve();
    const cancel = clock.after(lastReadMs, resolve);
    try {
      await Promise.race([reached, failed]);
    } finally {
      cancel();
      await reading.stop();
    }
    return found;
  };

  const enterNewEpoch = async (
    { beginEpoch }: Pick<CoordinationDriver, "beginEpoch">,
    part: number,
  ): Promise<void> => {
    if (inNewEpoch.has(part)) {
      newEpoch = undefined;
      inNewEpoch.clear();
    }
    newEpoch ??= beginEpoch();
    const mine = newEpoch;
    try {
      await mine;
    } catch (error) {
      if (newEpoch === mine) newEpoch = undefined;
      throw error;
    }
  };

  const whereFrom = async (part: number, mine: Wanted): Promise<string | null> => {
    const next = await streams.progress(part);
    const place = await log.place(part);
    const standing = standingOf(next, place);
    if (!mine.isTold && standing.kind === "goes-on" && standing.from !== null && place !== null) {
      options.tookOver(part, await lastRead(part, standing.from, place.first, mine));
    }
    mine.isTold = true;
    if (standing.kind === "goes-on") return standing.from;
    if (standing.kind === "replay") {
      events.replaying?.(part, standing.from, standing.until);
      return standing.from;
    }
    if (!acceptRestore || coordination === null) {
      throw new Failure(
        "diverged",
        `${standing.why}; --accept-restore goes on without them, and tells clients of the gap`,
      );
    }
    await enterNewEpoch(coordination, part);
    await coordination.setProgress(part, standing.from);
    inNewEpoch.add(part);
    return standing.from;
  };

  const consume = async (part: number, mine: Wanted): Promise<void> => {
    await halt(part);
    if (wanted.get(part) !== mine) return;
    try {
      const consumption = await log.consume(part, await whereFrom(part, mine), consumer);
      consumptions.set(part, consumption);
      mine.attempts = 0;
      troubles.delete(part);
      void consumption.failed.then((failure) => {
        if (consumptions.get(part) === consumption) tryAgain(part, mine, failure);
      });
    } catch (error) {
      tryAgain(part, mine, error);
    }
  };

  const tryAgain = (part: number, mine: Wanted, failure: unknown): void => {
    if (wanted.get(part) !== mine) return;
    troubles.set(part, failure instanceof Error ? failure.message : String(failure));
    events.failed?.(failure, part);
    mine.cancel();
    mine.cancel = clock.after(backoffMs(backoff, mine.attempts++, random()), () => {
      void inTurn(part, () => consume(part, mine));
    });
  };

  const drop = (part: number): Promise<void> => {
    wanted.get(part)?.cancel();
    wanted.get(part)?.hurry();
    wanted.delete(part);
    troubles.delete(part);
    options.dropping(part);
    return inTurn(part, () => halt(part));
  };

  return {
    take(part) {
      if (wanted.has(part)) return turns.get(part) ?? Promise.resolve();
      const mine: Wanted = { attempts: 0, cancel: () => {}, hurry: () => {}, isTold: false };
      wanted.set(part, mine);
      return inTurn(part, () => consume(part, mine));
    },
    drop,
    seek(part) {
      const mine = wanted.get(part);
      if (mine) void inTurn(part, () => consume(part, mine));
    },
    async stop() {
      await Promise.all([...wanted.keys()].map(drop));
    },
    wants: (part) => wanted.has(part),
    troubles: () => troubles,
  };
}
