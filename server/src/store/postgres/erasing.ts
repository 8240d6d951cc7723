/**
 * Erases users. What is found by the user's stream goes in one commit on its server; the rest is found by the id, on every
 * server, in steps; what is left to do is remembered where the stream was.
 */
import { type StreamName, userStream } from "@carillon/protocol/stream";
import type { Touched } from "../directory.ts";
import { erasureKeptMs, hashOfUser, nameOfErased } from "../erasing.ts";
import type { ErasureStep, PeopleDriver } from "../people.ts";
import { makeDeletion } from "./deletion.ts";
import type { Shard } from "./shard.ts";
import { allOf, type Shards } from "./shards.ts";
import { makeTopics } from "./topics.ts";

interface Pending {
  readonly hash: string;
  readonly user: string;
  readonly topicsTo: string | null;
  readonly at: number;
}

interface Gone {
  readonly stream: StreamName | null;
  readonly seq: number;
  readonly rev: number;
  readonly touched: number;
}

const begin = "SELECT carillon_begin_erasing($1, $2, $3, $4, $5, $6) AS at";
const pending = `
  SELECT hash, user_name AS user, topics_to AS "topicsTo", at FROM erasures
  WHERE user_name IS NOT NULL AND part IN (SELECT part FROM parts WHERE state = 'here') ORDER BY at LIMIT 1`;
const eraseOf = "SELECT stream, seq, rev, touched FROM carillon_erase_of($1, $2)";
const clear = "SELECT carillon_clear_erased($1) AS touched";
/** Unless it was begun again meanwhile. */
const finish = "UPDATE erasures SET user_name = NULL, topics_to = NULL WHERE hash = $1 AND at = $2";
const forgetRevocations = "DELETE FROM revocations WHERE user_name = $1";

const topicsAtOnce = 10;
const stepMs = { timeoutMs: 30_000 };

export function makeErasing(
  shards: Shards,
  parts: number,
): Pick<PeopleDriver, "beginErasing" | "continueErasing"> {
  const { home, all, of, partOf, steady } = shards;
  const deleteTopic = makeDeletion(shards);
  const topics = makeTopics(shards);

  const topicsOf = async ({ user, topicsTo }: Pending): Promise<Touched & { readonly done: boolean }> => {
    const owner = `user:${user}`;
    const { items, next } = await topics.list("", topicsAtOnce, owner);
    const changed: Touched["changed"][number][] = [];
    for (const { topic } of items) {
      const only = { owner, orOpen: false };
      if (topicsTo !== null) await topics.change(topic, { owner: topicsTo }, only);
      else changed.push(...((await deleteTopic(topic, only))?.changed ?? []));
    }
    return { done: next === null, changed };
  };

  const step = async (shard: Shard, one: Pending, limit: number): Promise<ErasureStep> => {
    const owned = await topicsOf(one);
    await home.query(forgetRevocations, [one.user]);
    const found = await allOf(all.map((each) => each.query<Gone>(eraseOf, [one.user, limit], stepMs)));
    const rows = found.flat();
    // A part that moved meanwhile is counted twice, or was missed: then it is looked at again.
    const seen = rows.reduce((sum, { stream, seq }) => (stream === null ? sum + seq : sum), 0);
    const isDone = seen === parts && rows.every(({ touched }) => touched === 0);
    if (owned.done && isDone) await shard.query(finish, [one.hash, one.at]);
    const withdrawn = found
      .flat()
      .flatMap(({ stream, seq, rev }) => (stream === null ? [] : [{ stream, seq, rev }]));
    return { done: false, changed: owned.changed, withdrawn };
  };

  const continueOnce = async (limit: number): Promise<ErasureStep> => {
    for (const shard of all) {
      const [one] = await shard.query<Pending>(pending, []);
      if (one) return step(shard, one, limit);
    }
    for (const shard of all) {
      const [row] = await shard.query<{ touched: number }>(clear, [limit], stepMs);
      if (row!.touched > 0) return { done: false, changed: [], withdrawn: [] };
    }
    return { done: true, changed: [], withdrawn: [] };
  };

  return {
    beginErasing: (user, topicsTo) =>
      steady(async () => {
        const name = userStream(user);
        const values = [
          partOf(name),
          user,
          hashOfUser(user),
          nameOfErased(user, parts),
          topicsTo,
          erasureKeptMs,
        ];
        const [row] = await of(name).query<{ at: number }>(begin, values);
        return { at: row!.at };
      }),
    continueErasing: (limit) => steady(() => continueOnce(limit)),
  };
}
