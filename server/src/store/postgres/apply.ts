import type { Applied, Batch, Outcome, StreamRecord } from "../streams.ts";
import { bigints, bytes, integers, smallints, texts } from "./arrays.ts";
import { cutIntoRuns, outcomesOf, type Run, type RunAnswer } from "./batch.ts";
import { findBad, isAboutValues } from "./bisect.ts";
import type { Query, Shard } from "./shard.ts";
import { allOf, type Shards } from "./shards.ts";

const receiptFlag = 4;
const statement = `SELECT owned, at, codes, seqs, conflicting
  FROM carillon_apply($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`;

interface Answer extends RunAnswer {
  readonly owned: boolean;
  readonly at: number;
}

const flagsOf = ({ kind, receipt }: StreamRecord): number => (receipt ? kind | receiptFlag : kind);

export function makeApply(shards: Shards, identityWindowMs: number): (batch: Batch) => Promise<Applied> {
  const valuesOf = ({ part, progress, rejected }: Batch, run: Run, byAcceptance: boolean): unknown[] => {
    const { names, firsts, inStream } = run;
    return [
      part,
      progress?.from ?? null,
      progress?.to ?? null,
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
        ? [null, null, null]
        : [
            texts(rejected.map(({ offset }) => offset)),
            texts(rejected.map(({ reason }) => reason.replaceAll("\0", "\ufffd"))),
            bytes(rejected.map(({ record }) => record)),
          ]),
    ];
  };

  /** The runs of a batch, on the server that holds all of its streams. */
  const applyRuns = async (query: Query, batch: Batch, runs: readonly Run[]): Promise<Applied> => {
    const outcomes: Outcome[] = [];
    let committedAt = 0;
    let rest = batch;
    for (const run of runs) {
      const [answer] = await query<Answer>(statement, valuesOf(rest, run, batch.progress !== null));
      if (!answer!.owned) return { owned: false, outcomes: [], committedAt: answer!.at };
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
      for (const run of runs) {
        await query(
          statement,
          valuesOf({ ...batch, progress: null, rejected: [] }, run, batch.progress !== null),
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

  const applyWithProgress = (batch: Batch): Promise<Applied> => {
    for (const { stream } of batch.records) {
      if (shards.partOf(stream) === batch.part) continue;
      throw new RangeError(`${stream} isn't of part ${batch.part}`);
    }
    return shards.steady(() => applyOn(shards.ofPart(batch.part), batch));
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
