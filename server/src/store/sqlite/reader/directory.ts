import type { DatabaseSync } from "node:sqlite";
import type { Names, Subscription, Topic } from "../../directory.ts";

const pageOf = <T>(rows: T[], limit: number, nameOf: (row: T) => string): Names<T> => {
  const items = rows.slice(0, limit);
  return { items, next: rows.length > limit ? nameOf(items.at(-1)!) : null };
};

export function makeDirectoryReads(db: DatabaseSync) {
  const columns = "name AS topic, owner, created_at AS createdAt, subscribers";
  const topic = db.prepare(`SELECT ${columns} FROM topics WHERE name = ?`);
  const topics = db.prepare(`SELECT ${columns} FROM topics WHERE name > ? ORDER BY name LIMIT ?`);
  const subscribers = db.prepare(
    `SELECT user, since FROM subscriptions
     WHERE topic_id = (SELECT stream_id FROM topics WHERE name = ?) AND user > ? ORDER BY user LIMIT ?`,
  );
  const subscriptions = db.prepare(
    `SELECT topics.name AS topic, since FROM subscriptions JOIN topics ON topics.stream_id = topic_id
     WHERE user = ? ORDER BY topics.name`,
  );

  return {
    getTopic: (name: string): Topic | null => (topic.get(name) as unknown as Topic | undefined) ?? null,

    listTopics: (after: string, limit: number): Names<Topic> =>
      pageOf(topics.all(after, limit + 1) as unknown as Topic[], limit, (row) => row.topic),

    subscribers(name: string, after: string, limit: number) {
      const rows = subscribers.all(name, after, limit + 1) as { user: string; since: number }[];
      return pageOf(rows, limit, (row) => row.user);
    },

    subscriptions: (user: string): readonly Subscription[] =>
      subscriptions.all(user) as unknown as Subscription[],
  };
}
