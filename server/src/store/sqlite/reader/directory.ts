import type { DatabaseSync } from "node:sqlite";
import type { Names, Subscription, Topic } from "../../directory.ts";
import { pageOf } from "./page.ts";

type TopicRow = Omit<Topic, "active"> & { readonly active: number };

const topicOf = (row: TopicRow): Topic => ({ ...row, active: row.active === 1 });

export function makeDirectoryReads(db: DatabaseSync) {
  const columns = `name AS topic, owner, created_at AS createdAt, subscribers, subscribe, publish, active,
    keep_ms AS keepMs`;
  const topic = db.prepare(`SELECT ${columns} FROM topics WHERE name = ?`);
  const topics = db.prepare(`SELECT ${columns} FROM topics WHERE name > ? ORDER BY name LIMIT ?`);
  const owned = db.prepare(
    `SELECT ${columns} FROM topics WHERE owner = ? AND name > ? ORDER BY name LIMIT ?`,
  );
  const subscribers = db.prepare(
    `SELECT user, since FROM subscriptions
     WHERE topic_id = (SELECT stream_id FROM topics WHERE name = ?) AND user > ? ORDER BY user LIMIT ?`,
  );
  const subscriptions = db.prepare(
    `SELECT topics.name AS topic, since FROM subscriptions JOIN topics ON topics.stream_id = topic_id
     WHERE user = ? ORDER BY topics.name`,
  );

  return {
    getTopic(name: string): Topic | null {
      const row = topic.get(name) as unknown as TopicRow | undefined;
      return row === undefined ? null : topicOf(row);
    },

    listTopics(after: string, limit: number, owner: string | null): Names<Topic> {
      const rows = owner === null ? topics.all(after, limit + 1) : owned.all(owner, after, limit + 1);
      return pageOf((rows as unknown as TopicRow[]).map(topicOf), limit, (row) => row.topic);
    },

    subscribers(name: string, after: string, limit: number) {
      const rows = subscribers.all(name, after, limit + 1) as { user: string; since: number }[];
      return pageOf(rows, limit, (row) => row.user);
    },

    subscriptions: (user: string): readonly Subscription[] =>
      subscriptions.all(user) as unknown as Subscription[],
  };
}
