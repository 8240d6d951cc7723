/**
 * Erases users, in steps that hold the writer for milliseconds. What the id is needed for comes first and is found by
 * it; the rows of the user's old stream are found by its number, whoever it was.
 */
import type { StreamName } from "@carillon/protocol/stream";
import { topicStream, userStream } from "@carillon/protocol/stream";
import type { Touched } from "../../directory.ts";
import { erasureKeptMs, hashOfUser, nameOfErased } from "../../erasing.ts";
import type { ErasureStep } from "../../people.ts";
import { makeDirectoryWrites } from "./directory.ts";
import type { Writing } from "./writing.ts";

const tombstone = 2;
const topicsAtOnce = 10;

interface Pending {
  readonly hash: string;
  readonly user: string;
  readonly topicsTo: string | null;
}

export interface Erasing {
  beginErasing(user: string, topicsTo: string | null): { readonly at: number };
  continueErasing(limit: number): ErasureStep;
  /** An erasure was finished, topics of the user's too, and its traces in the files weren't removed since. */
  isDone(): boolean;
  cleaned(): void;
}

export function makeErasing(writing: Writing): Erasing {
  const { db, streams, now } = writing;
  const { deleteTopic } = makeDirectoryWrites(writing);
  const sweep = db.prepare("DELETE FROM erasures WHERE until <= ? AND user IS NULL");
  const remember = db.prepare(
    `INSERT INTO erasures(hash, user, topics_to, at, head, rev, until) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
     ON CONFLICT (hash) DO UPDATE SET user = ?2, topics_to = ?3, at = ?4,
       head = max(head, ?5), rev = max(rev, ?6), until = ?7`,
  );
  const rememberStream = db.prepare("INSERT OR IGNORE INTO erased_streams(stream_id) VALUES (?)");
  const followed = db.prepare("SELECT topic_id AS id FROM subscriptions WHERE user = ?");
  const countSubscribers = db.prepare("UPDATE topics SET subscribers = subscribers - 1 WHERE stream_id = ?");
  const ofId = ["marks", "devices", "user_state"].map((table) =>
    db.prepare(`DELETE FROM ${table} WHERE user_id = ?`),
  );
  const ofName = ["subscriptions", "grants", "revocations"].map((table) =>
    db.prepare(`DELETE FROM ${table} WHERE user = ?`),
  );

  const pending = db.prepare(
    "SELECT hash, user, topics_to AS topicsTo FROM erasures WHERE user IS NOT NULL ORDER BY at LIMIT 1",
  );
  const finish = db.prepare("UPDATE erasures SET user = NULL, topics_to = NULL WHERE hash = ?");
  const removeReceipts = db.prepare(
    "DELETE FROM receipts WHERE id IN (SELECT id FROM receipts WHERE user = ? LIMIT ?)",
  );
  const authored = db.prepare(
    `SELECT n.id, s.name AS stream, seq FROM notifications n JOIN streams s ON s.id = n.stream_id
     WHERE author = ? LIMIT ?`,
  );
  const bury = db.prepare(
    `UPDATE notifications SET kind = ${tombstone}, body = NULL, author = NULL, collapse_key = NULL WHERE id = ?`,
  );
  const owned = db.prepare("SELECT name AS topic FROM topics WHERE owner = ? LIMIT ?");
  const handOver = db.prepare(
    "UPDATE topics SET owner = ? WHERE stream_id = (SELECT id FROM streams WHERE name = ?)",
  );
  const erasedStream = db.prepare("SELECT stream_id AS id FROM erased_streams LIMIT 1");
  const removeRows = db.prepare(
    "DELETE FROM notifications WHERE id IN (SELECT id FROM notifications WHERE stream_id = ? LIMIT ?)",
  );
  const removeReceiptsOf = db.prepare(
    "DELETE FROM receipts WHERE id IN (SELECT id FROM receipts WHERE stream_id = ? LIMIT ?)",
  );
  const forgetStream = ["erased_streams", "trims"].map((table) =>
    db.prepare(`DELETE FROM ${table} WHERE stream_id = ?`),
  );

  const trimming = db.prepare("SELECT 1 FROM trims WHERE due_at <= ? LIMIT 1");
  let isDone = false;

  const takeBack = (user: string, limit: number): ErasureStep["withdrawn"] => {
    const rows = authored.all(user, limit) as { id: number; stream: StreamName; seq: number }[];
    return rows.map(({ id, stream, seq }) => {
      bury.run(id);
      return { stream, seq, rev: streams.raiseRev(streams.ensure(stream)) };
    });
  };

  /** A topic's followers go in steps too; one that is kept changes hands. */
  const topicsOf = (
    { user, topicsTo }: Pending,
    limit: number,
  ): { left: number; changed: Touched["changed"] } => {
    const changed: Touched["changed"][number][] = [];
    let left = limit;
    const some = owned.all(`user:${user}`, topicsAtOnce) as { topic: string }[];
    for (const { topic } of some) {
      if (left <= 0) break;
      if (topicsTo !== null) handOver.run(topicsTo, topicStream(topic));
      else changed.push(...(deleteTopic(topic, left, null)?.changed ?? []));
      left -= 1;
    }
    return { left: some.length < topicsAtOnce ? left - changed.length : 0, changed };
  };

  const clearStreams = (limit: number): number => {
    let left = limit;
    while (left > 0) {
      const stream = erasedStream.get() as { id: number } | undefined;
      if (!stream) break;
      left -= Number(removeReceiptsOf.run(stream.id, left).changes);
      if (left > 0) left -= Number(removeRows.run(stream.id, left).changes);
      if (left > 0) for (const statement of forgetStream) statement.run(stream.id);
    }
    return left;
  };

  const step = (limit: number): ErasureStep => {
    const one = pending.get() as Pending | undefined;
    if (one === undefined) return { done: clearStreams(limit) > 0, withdrawn: [], changed: [] };
    let left = limit - Number(removeReceipts.run(one.user, limit).changes);
    const withdrawn = left > 0 ? takeBack(one.user, left) : [];
    left -= withdrawn.length;
    const topics = left > 0 ? topicsOf(one, left) : { left, changed: [] };
    if (topics.left > 0) finish.run(one.hash);
    return { done: false, withdrawn, changed: topics.changed };
  };

  return {
    beginErasing(user, topicsTo) {
      // Up, so that a token of this very millisecond is among those that are refused.
      const at = Math.floor(now()) + 1;
      const name = userStream(user);
      const own = streams.find(name);
      sweep.run(now());
      db.exec("PRAGMA secure_delete = ON");
      remember.run(
        hashOfUser(user),
        user,
        topicsTo,
        at,
        own?.head ?? 0,
        (own?.rev ?? 0) + 1,
        at + erasureKeptMs,
      );
      for (const { id } of followed.all(user) as { id: number }[]) countSubscribers.run(id);
      for (const statement of ofName) statement.run(user);
      if (own === undefined) return { at };
      for (const statement of ofId) statement.run(own.id);
      streams.setTrimmed(own, own.head);
      rememberStream.run(own.id);
      streams.rename(own, name, nameOfErased(user, 1));
      return { at };
    },

    continueErasing(limit) {
      const wasBusy = pending.get() !== undefined || erasedStream.get() !== undefined;
      if (!wasBusy) return { done: true, withdrawn: [], changed: [] };
      db.exec("PRAGMA secure_delete = ON");
      const taken = step(limit);
      if (taken.done) isDone = true;
      return taken;
    },

    isDone: () => isDone && trimming.get(now()) === undefined,
    cleaned() {
      isDone = false;
      db.exec("PRAGMA secure_delete = OFF");
    },
  };
}
