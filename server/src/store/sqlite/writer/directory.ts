import { type StreamName, topicStream, userStream } from "@carillon/protocol/stream";
import type { Only, Policy, TopicChanges, Touched } from "../../directory.ts";
import { idOf } from "./topic-id.ts";
import type { Writing } from "./writing.ts";

export function makeDirectoryWrites({ db, streams, now }: Writing) {
  const find = idOf(db);
  const insertTopic = db.prepare(
    `INSERT INTO topics(stream_id, name, owner, created_at, subscribe, publish, active, keep_ms)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const owned = db.prepare("SELECT count(*) AS count FROM topics WHERE owner = ?");
  const changeTopic = db.prepare(
    `UPDATE topics SET owner = coalesce(?, owner), subscribe = coalesce(?, subscribe),
       publish = coalesce(?, publish), active = coalesce(?, active), keep_ms = iif(?, ?, keep_ms)
     WHERE stream_id = ?`,
  );
  const removeGrants = db.prepare("DELETE FROM grants WHERE topic_id = ?");
  const removeTopic = db.prepare("DELETE FROM topics WHERE stream_id = ?");
  const countSubscribers = db.prepare("UPDATE topics SET subscribers = subscribers + ? WHERE stream_id = ?");
  const some = db.prepare("SELECT user FROM subscriptions WHERE topic_id = ? LIMIT ?");
  const followed = db.prepare("SELECT count(*) AS count FROM subscriptions WHERE user = ?");
  const follows = db.prepare("SELECT 1 FROM subscriptions WHERE topic_id = ? AND user = ?");
  const insert = db.prepare("INSERT INTO subscriptions(topic_id, user, since) VALUES (?, ?, ?)");
  const remove = db.prepare("DELETE FROM subscriptions WHERE topic_id = ? AND user = ?");

  const touch = (user: string): Touched["changed"][number] => {
    const stream: StreamName = userStream(user);
    return { stream, rev: streams.raiseRev(streams.ensure(stream)) };
  };

  return {
    putTopic(
      topic: string,
      owner: string,
      { subscribe, publish, active, keepMs }: Policy,
      most: number | null,
    ): { readonly created: boolean; readonly full?: true } {
      if (find(topic, null) !== null) return { created: false };
      if (most !== null && (owned.get(owner) as { count: number }).count >= most) {
        return { created: false, full: true };
      }
      const stream = streams.ensure(topicStream(topic));
      const flag = active ? 1 : 0;
      insertTopic.run(stream.id, topic, owner, Math.floor(now()), subscribe, publish, flag, keepMs);
      if (stream.closed) streams.setClosed(stream, false);
      return { created: true };
    },

    changeTopic(topic: string, changes: TopicChanges, only: Only | null): boolean {
      const id = find(topic, only);
      if (id === null) return false;
      const { owner = null, subscribe = null, publish = null, active, keepMs } = changes;
      const flag = active === undefined ? null : active ? 1 : 0;
      changeTopic.run(owner, subscribe, publish, flag, keepMs === undefined ? 0 : 1, keepMs ?? null, id);
      return true;
    },

    /** A step of at most `limit` subscriptions; with the last of them the topic goes. */
    deleteTopic(
      topic: string,
      limit: number,
      only: Only | null,
    ): (Touched & { readonly done: boolean }) | null {
      const id = find(topic, only);
      if (id === null) return null;
      const name = topicStream(topic);
      const stream = streams.ensure(name);
      const users = some.all(id, limit) as { user: string }[];
      const changed = users.map(({ user }) => {
        remove.run(id, user);
        return touch(user);
      });
      if (users.length === limit) {
        countSubscribers.run(-limit, id);
        return { changed, done: false };
      }
      removeGrants.run(id);
      removeTopic.run(id);
      streams.setClosed(stream, true);
      streams.setTrimmed(stream, stream.head);
      changed.push({ stream: name, rev: streams.raiseRev(stream) });
      return { changed, done: true };
    },

    subscribe(topic: string, names: readonly string[], most: number, only: Only | null) {
      const id = find(topic, only);
      if (id === null) return null;
      const { head } = streams.ensure(topicStream(topic));
      const changed: Touched["changed"][number][] = [];
      const full: string[] = [];
      for (const user of names) {
        if (follows.get(id, user)) continue;
        if ((followed.get(user) as { count: number }).count >= most) {
          full.push(user);
          continue;
        }
        insert.run(id, user, head);
        changed.push(touch(user));
      }
      if (changed.length > 0) countSubscribers.run(changed.length, id);
      return { changed, full };
    },

    unsubscribe(topic: string, user: string): Touched | null {
      const id = find(topic, null);
      if (id === null || Number(remove.run(id, user).changes) === 0) return null;
      countSubscribers.run(-1, id);
      return { changed: [touch(user)] };
    },
  };
}
