import { type StreamName, topicStream, userStream } from "@carillon/protocol/stream";
import type { Touched } from "../../directory.ts";
import type { Writing } from "./writing.ts";

export function makeDirectoryWrites({ db, streams, now }: Writing) {
  const insertTopic = db.prepare(
    "INSERT OR IGNORE INTO topics(stream_id, name, owner, created_at) VALUES (?, ?, ?, ?)",
  );
  const topicId = db.prepare("SELECT stream_id AS id FROM topics WHERE name = ?");
  const removeTopic = db.prepare("DELETE FROM topics WHERE stream_id = ?");
  const countSubscribers = db.prepare("UPDATE topics SET subscribers = subscribers + ? WHERE stream_id = ?");
  const some = db.prepare("SELECT user FROM subscriptions WHERE topic_id = ? LIMIT ?");
  const followed = db.prepare("SELECT count(*) AS count FROM subscriptions WHERE user = ?");
  const follows = db.prepare("SELECT 1 FROM subscriptions WHERE topic_id = ? AND user = ?");
  const insert = db.prepare("INSERT INTO subscriptions(topic_id, user, since) VALUES (?, ?, ?)");
  const remove = db.prepare("DELETE FROM subscriptions WHERE topic_id = ? AND user = ?");

  const idOf = (topic: string): number | undefined => (topicId.get(topic) as { id: number } | undefined)?.id;

  const touch = (user: string): Touched["changed"][number] => {
    const stream: StreamName = userStream(user);
    return { stream, rev: streams.raiseRev(streams.ensure(stream)) };
  };

  return {
    putTopic(topic: string, owner: string): { readonly created: boolean } {
      const stream = streams.ensure(topicStream(topic));
      const created = Number(insertTopic.run(stream.id, topic, owner, now()).changes) === 1;
      if (created && stream.closed) streams.setClosed(stream, false);
      return { created };
    },

    /** A step of at most `limit` subscriptions; with the last of them the topic goes. */
    deleteTopic(topic: string, limit: number): (Touched & { readonly done: boolean }) | null {
      const id = idOf(topic);
      if (id === undefined) return null;
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
      removeTopic.run(id);
      streams.setClosed(stream, true);
      streams.setTrimmed(stream, stream.head);
      changed.push({ stream: name, rev: streams.raiseRev(stream) });
      return { changed, done: true };
    },

    subscribe(topic: string, names: readonly string[], most: number) {
      const id = idOf(topic);
      if (id === undefined) return null;
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
      const id = idOf(topic);
      if (id === undefined || Number(remove.run(id, user).changes) === 0) return null;
      countSubscribers.run(-1, id);
      return { changed: [touch(user)] };
    },
  };
}
