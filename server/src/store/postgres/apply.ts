import type { Applied, Batch, Outcome, StreamRecord } from "../streams.ts";
import { bigints, bytes, integers, smallints, texts } from "./arrays.ts";
import { cutIntoRuns, outcomesOf, type Run, type RunAnswer } from "./batch.ts";
import { findBad, isAboutValues } from "./bisect.ts";
import { isAboutAPart } from "./failure.ts";
import { makeGather } from "./gather.ts";
import type { Query, Shard } from "./shard.ts";
import { allOf, type Shards } from "./shards.ts";

const receiptFlag = 4;
const statement = `SELECT held, at, codes, seqs, conflicting
  FROM carillon_apply($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`;

interface Answer extends RunAnswer {
  /** Of the parts whose progress was given, those that stood where it begins; null when none did. */
  readonly held: readonly number[] | null;
  readonly at: number;
}

const [nothing] = cutIntoRuns([], true) as [Run];

/** What batches of several parts weigh together at most; about as much as one may by itself. */
const mostWeight = 2_000;
const bytesOfWeight = 2_048;
/** A statement waits for the disk and not for the next: one computes while the other is made durable. */
const abreast = 2;

const weightOf = ({ records }: Batch): number =>
  records.reduce((sum, { body }) => sum + Math.max(1, body.length / bytesOfWeight), 1);

const flagsOf = ({ kind, receipt }: StreamRecord): number => (receipt ? kind | receiptFlag : kind);

export function makeApply(shards: Shards, identityWindowMs: number): (batch: Batch) => Promise<Applied> {
  /** Of batches that all have progress, or none. */
  const valuesOf = (batches: readonly Batch[], run: Run, byAcceptance: boolean): unknown[] => {
    const { names, firsts, inStream } = run;
    const moves = batches.flatMap(({ part, progress }) => (progress ? [{ part, ...progress }] : []));
    const rejected = batches.flatMap(({ part, rejected }) => rejected.map((one) => ({ part, ...one })));
    return [
      ...(moves.length === 0
        ? [null, null, null]
        : [
            integers(moves.map(({ part }) => part)),
            texts(moves.map(({ from }) => from)),
            texts(moves.map(({ to }) => to)),
          ]),
      identityWindowMs,
      texts(names),
      integers(names.map(shards.partOf)),
      integers(inStream),
      texts(firsts.map((record) => record.key)),
      texts(firsts.map((record) => record.digest)),
      smallints(firsts.map(flagsOf)),
      byAcceptance ? bigints(firsts.map((record) => record.acceptedAt)) : null,
      firsts.some((record) => record.expiresAt !== null)
        ? bigints(firsts.map((record) => record.expiresAt))
        : null,
      firsts.some((record) => record.collapseKey !== null)
        ? bytes(firsts.map((record) => record.collapseKey))
        : null,
      texts(firsts.map((record) => record.body)),
      ...(rejected.length === 0
        ? [null, null, null, null]
        : [
            integers(rejected.map(({ part }) => part)),
            texts(rejected.map(({ offset }) => offset)),
            texts(rejected.map(({ reason }) => reason.replaceAll("\0", "\ufffd"))),
            bytes(rejected.map(({ record }) => record)),
          ]),
    ];
  };

  const isOwned = ({ part, progress }: Batch, { held }: Answer): boolean =>
    progress === null || (held?.includes(part) ?? false);

  /** Before the first of several runs: each by itself locks in order, and one behind the other they would not. */
  const lockAll = async (query: Query, { part, records }: Batch): Promise<void> => {
    const names = [...new Set(records.map(({ stream }) => stream))];
    const batch = { part, progress: null, records: [], rejected: [] };
    await query(statement, valuesOf([batch], { ...nothing, names }, true));
  };

  /** The runs of a batch, on the server that holds all of its streams. */
  const applyRuns = async (query: Query, batch: Batch, runs: readonly Run[]): Promise<Applied> => {
    const outcomes: Outcome[] = [];
    let committedAt = 0;
    let rest = batch;
    if (runs.length > 1) {
      const [answer] = await query<Answer>(statement, valuesOf([batch], nothing, true));
      if (!isOwned(batch, answer!)) return { owned: false, outcomes: [], committedAt: answer!.at };
      await lockAll(query, batch);
      rest = { ...batch, progress: null, rejected: [] };
    }
    for (const run of runs) {
      const [answer] = await query<Answer>(statement, valuesOf([rest], run, batch.progress !== null));
      if (!isOwned(rest, answer!)) return { owned: false, outcomes: [], committedAt: answer!.at };
      for (const outcome of outcomesOf(run, answer!)) outcomes.push(outcome);
      committedAt = answer!.at;
      rest = { ...batch, progress: null, rejected: [] };
    }
    return { owned: true, outcomes, committedAt };
  };

  const applyWhole = (shard: Shard, batch: Batch): Promise<Applied> => {
    const runs = cutIntoRuns(batch.records, batch.progress !== null);
    return runs.length === 1
      ? applyRuns(shard.query, batch, runs)
      : shard.transaction((query) => applyRuns(query, batch, runs));
  };

  /** What the batch would do, undone. */
  const attempt = async (shard: Shard, batch: Batch, records: readonly StreamRecord[]): Promise<void> => {
    const undone = new Error("undone");
    const runs = cutIntoRuns(records, batch.progress !== null);
    const trial = shard.transaction(async (query) => {
      if (runs.length > 1) await lockAll(query, { ...batch, records });
      for (const run of runs) {
        await query(
          statement,
          valuesOf([{ ...batch, progress: null, rejected: [] }], run, batch.progress !== null),
        );
      }
      throw undone;
    });
    await trial.catch((error: unknown) => {
      if (error !== undone) throw error;
    });
  };

  /** Should a record have passed every check and be refused by the server, it alone is set aside. */
  const applyOn = async (shard: Shard, batch: Batch): Promise<Applied> => {
    try {
      return await applyWhole(shard, batch);
    } catch (error) {
      if (!isAboutValues(error)) throw error;
      const bad = await findBad(batch.records, (some) => attempt(shard, batch, some));
      if (bad.length === 0) throw error;
      const reasons = new Map(bad.map(({ at, reason }) => [at, reason]));
      const setAside = bad.map(({ at, reason }) => ({
        reason,
        record: JSON.stringify(batch.records[at]),
        offset: batch.progress?.from ?? "",
      }));
      const applied = await applyWhole(shard, {
        ...batch,
        records: batch.records.filter((_, at) => !reasons.has(at)),
        rejected: [...batch.rejected, ...setAside],
      });
      if (!applied.owned) return applied;
      let good = 0;
      const outcomes = batch.records.map(
        (_, at): Outcome => (reasons.has(at) ? { status: "rejected" } : applied.outcomes[good++]!),
      );
      return { ...applied, outcomes };
    }
  };

  /** Batches of different parts in one statement: most of what a small one costs is the statement. */
  const applyTogether = async (
    shard: Shard,
    batches: readonly Batch[],
  ): Promise<(Applied | Promise<Applied>)[]> => {
    const apart = (): Promise<Applied>[] => batches.map((batch) => applyOn(shard, batch));
    const runs = cutIntoRuns(
      batches.flatMap(({ records }) => records),
      true,
    );
    const parts = new Set(batches.map(({ part }) => part));
    if (batches.length === 1 || parts.size < batches.length || runs.length > 1) return apart();
    let answer: Answer;
    try {
      const [row] = await shard.query<Answer>(statement, valuesOf(batches, runs[0]!, true));
      answer = row!;
    } catch (error) {
      // Nothing was written, and what stops one is no reason to stop the others.
      if (isAboutValues(error) || isAboutAPart(error)) return apart();
      throw error;
    }
    const outcomes = outcomesOf(runs[0]!, answer);
    let from = 0;
    return batches.map((batch) => {
      const own = outcomes.slice(from, from + batch.records.length);
      from += batch.records.length;
      const owned = isOwned(batch, answer);
      return { owned, outcomes: owned ? own : [], committedAt: answer.at };
    });
  };

  const together = makeGather(applyTogether, { abreast, most: mostWeight, weigh: weightOf });

  const applyWithProgress = (batch: Batch): Promise<Applied> => {
    for (const { stream } of batch.records) {
      if (shards.partOf(stream) === batch.part) continue;
      throw new RangeError(`${stream} isn't of part ${batch.part}`);
    }
    return shards.steady(() => together(shards.ofPart(batch.part), batch));
  };

  /** Without progress a batch may be of many parts: on each server it is applied whole. */
  const applyAnywhere = async (batch: Batch): Promise<Applied> => {
    const outcomes: Outcome[] = new Array(batch.records.length);
    let waiting = batch.records.map((record, at) => ({ record, at }));
    let committedAt = 0;
    const applyGroup = async (shard: Shard, group: typeof waiting): Promise<void> => {
      const applied = await applyOn(shard, { ...batch, records: group.map(({ record }) => record) });
      group.forEach(({ at }, place) => {
        outcomes[at] = applied.outcomes[place]!;
      });
      committedAt = Math.max(committedAt, applied.committedAt);
    };
    await shards.steady(async () => {
      waiting = waiting.filter(({ at }) => !outcomes[at]);
      const groups = shards.grouped(waiting, ({ record }) => record.stream);
      if (groups.size === 0) groups.set(shards.home, []);
      await allOf(Array.from(groups, ([shard, group]) => applyGroup(shard, group)));
    });
    return { owned: true, outcomes, committedAt };
  };

  return (batch) => (batch.progress ? applyWithProgress(batch) : applyAnywhere(batch));
}
