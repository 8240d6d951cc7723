/**
 * The director: reads the log, has the store number and keep what it finds, then tells the bus.
 *
 * One writer a part (invariant 12) is not ensured here but in the store, by compare-and-set on the part's
 * progress; a director that was overtaken sees `owned: false`, asks where the part stands now and reads on from
 * there. Nothing is published that has not committed (invariant 2).
 */
import type { StreamName } from "@carillon/protocol/stream";
import { type Backoff, backoffMs } from "../backoff.ts";
import type { BusDriver, BusMessage } from "../bus/driver.ts";
import type { Cleaned } from "../cleaning.ts";
import type { Clock } from "../clock.ts";
import { Failure } from "../errors.ts";
import type { Service } from "../lifecycle.ts";
import type { LogBatch, LogDriver } from "../log/driver.ts";
import type { CoordinationDriver } from "../store/coordination.ts";
import type { RetentionDriver, Space } from "../store/retention.ts";
import type { Applied, Outcome, StreamsDriver } from "../store/streams.ts";
import { announce } from "./announce.ts";
import { type Ownership, ownAll } from "./ownership.ts";
import { makeParts } from "./parts.ts";
import { makeRetention } from "./retention.ts";
import { route } from "./route.ts";
import { makeUpkeep } from "./upkeep.ts";

export interface CommittedBatch {
  readonly batch: LogBatch;
  readonly outcomes: readonly Outcome[];
  /** By the backend's clock. */
  readonly committedAt: number;
  /** From the batch's hand-over to its commit, by the process's clock. */
  readonly tookMs: number;
}

/** What happens here that somebody may want to count or print. Called on the hot path, once a batch. */
export interface DirectorEvents {
  committed(batch: CommittedBatch): void;
  /** A batch or a step of upkeep failed; it is tried again where trying again is the director's to do. */
  failed(what: "apply" | "upkeep" | "retention" | "consume", failure: unknown, part?: number): void;
  /** Somebody else moved the part on; this director reads on from where it stands now. */
  overtaken(part: number): void;
  /** The store is behind what the log knows it had committed; the records are read again, up to `until`. */
  replaying(part: number, from: string, until: string): void;
  /** A step of upkeep went over so many rows. */
  keptUp(rows: number): void;
  /** A run of retention has ended. */
  retained(cleaned: Cleaned, space: Space): void;
}

export interface DirectorOptions {
  readonly log: LogDriver;
  readonly streams: StreamsDriver;
  readonly bus: Pick<BusDriver, "publish">;
  readonly clock: Clock;
  /** Which parts are this director's; all of the log's, unless said otherwise. */
  readonly ownership?: Ownership;
  /** For a log that keeps offsets: the way on where store and log have diverged. */
  readonly coordination?: Pick<CoordinationDriver, "beginEpoch" | "setProgress">;
  /** Go on, in a new epoch, where store and log have diverged. */
  readonly acceptRestore?: boolean;
  /** Asked before each step of upkeep, which one director does for all; always, unless said otherwise. */
  readonly mayKeepUp?: () => Promise<boolean>;
  /** What is old goes; nothing does by age, unless given. `keepMs` null: free space alone is given back. */
  readonly retention?: { readonly driver: RetentionDriver; readonly keepMs: number | null };
  readonly events?: Partial<DirectorEvents>;
  readonly random?: () => number;
}

export interface Director extends Service {
  /** The parts that it consumes. */
  held(): readonly number[];
  /** Null when every part that is its own is consumed; else what stands in the way, of one of them. */
  problem(): string | null;
}

const storeBackoff: Backoff = { baseMs: 100, maxMs: 10_000 };
const headsAtOnce = 1_000;

export function makeDirector(options: DirectorOptions): Director {
  const { log, streams, bus, clock, events = {}, random = Math.random } = options;
  const ownership = options.ownership ?? ownAll(log.parts);
  const waits = new Map<() => void, number>();
  const may = options.mayKeepUp ?? (async () => true);
  const retention = options.retention
    ? makeRetention({
        retention: options.retention.driver,
        keepMs: options.retention.keepMs,
        clock,
        random,
        may,
        ran: (cleaned, space) => events.retained?.(cleaned, space),
        failed: (failure) => events.failed?.("retention", failure),
      })
    : null;
  const upkeep = makeUpkeep({
    streams,
    clock,
    random,
    may,
    did: (rows) => events.keptUp?.(rows),
    failed: (failure) => events.failed?.("upkeep", failure),
  });
  let stopping: Promise<void> | undefined;

  /** Resolves after a while, or at once when the part is dropped. */
  const pause = (part: number, attempt: number): Promise<void> =>
    new Promise((resolve) => {
      const end = (): void => {
        waits.delete(end);
        cancel();
        resolve();
      };
      const cancel = clock.after(backoffMs(storeBackoff, attempt, random()), end);
      waits.set(end, part);
      if (!parts.wants(part)) end();
    });

  const commit = (batch: LogBatch, applied: Applied, startedAt: number): readonly Outcome[] => {
    const { outcomes, committedAt } = applied;
    const messages = announce(batch.records, outcomes, clock.now());
    if (messages.length > 0) bus.publish(messages);
    if (batch.progress) log.witness(batch.part, batch.progress.to);
    events.committed?.({ batch, outcomes, committedAt, tookMs: clock.now() - startedAt });
    return outcomes;
  };

  /** Where it isn't known what was told of a commit: what each stream's head is now has to do. */
  const publishHeads = async (of: ReadonlySet<StreamName>): Promise<void> => {
    const names = [...of];
    for (let from = 0; from < names.length; from += headsAtOnce) {
      const asked = names.slice(from, from + headsAtOnce);
      const { heads } = await streams.heads(asked);
      bus.publish(heads.map(({ head }, at): BusMessage => ({ type: "head", stream: asked[at]!, head })));
    }
  };

  const overtaken = (part: number): Failure => {
    events.overtaken?.(part);
    parts.seek(part);
    return new Failure("unavailable", `part ${part} was moved on by another director`);
  };

  /**
   * The log waits with offsets in hand, so the director tries until the store is back. Whether a failed attempt
   * took effect is read from the part's progress; to apply again what has committed would only be overtaken.
   */
  const applyUntilKnown = async (batch: LogBatch, startedAt: number): Promise<readonly Outcome[]> => {
    const routed = route(batch);
    for (let attempt = 0; ; attempt++) {
      if (!parts.wants(batch.part)) throw new Failure("stopped", "the part was given up");
      try {
        if (attempt > 0 && (await streams.progress(batch.part)) === batch.progress?.to) {
          await publishHeads(new Set(batch.records.map((record) => record.stream)));
          return [];
        }
        const applied = await streams.apply(routed);
        if (!applied.owned) break;
        return commit(batch, applied, startedAt);
      } catch (error) {
        events.failed?.("apply", error, batch.part);
        await pause(batch.part, attempt);
      }
    }
    throw overtaken(batch.part);
  };

  const consume = async (batch: LogBatch): Promise<readonly Outcome[]> => {
    const startedAt = clock.now();
    if (batch.progress) return applyUntilKnown(batch, startedAt);
    try {
      return commit(batch, await streams.apply(route(batch)), startedAt);
    } catch (error) {
      events.failed?.("apply", error, batch.part);
      throw error;
    }
  };

  const parts = makeParts({
    log,
    streams,
    coordination: options.coordination ?? null,
    acceptRestore: options.acceptRestore ?? false,
    clock,
    random,
    consumer: consume,
    dropping(part) {
      for (const [end, of] of waits) if (of === part) end();
    },
    tookOver(part, of) {
      publishHeads(of).catch((failure: unknown) => events.failed?.("consume", failure, part));
    },
    events: {
      failed: (failure, part) => events.failed?.("consume", failure, part),
      replaying: (part, from, until) => events.replaying?.(part, from, until),
    },
  });

  const stop = async (): Promise<void> => {
    await Promise.all([upkeep.stop(), retention?.stop()]);
    await ownership.stop();
    await parts.stop();
  };

  return {
    name: "director",

    async start() {
      if (stopping) throw new Failure("stopped", "the director was stopped");
      await ownership.start(parts);
      upkeep.start();
      retention?.start();
    },

    stop() {
      stopping ??= Promise.resolve().then(stop);
      return stopping;
    },

    held: ownership.held,

    problem() {
      const [trouble] = parts.troubles();
      return trouble === undefined ? null : `part ${trouble[0]} isn't consumed: ${trouble[1]}`;
    },
  };
}
