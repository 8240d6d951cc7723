import type { DatabaseSync } from "node:sqlite";
import type { Names } from "../../directory.ts";
import type { Grant } from "../../grants.ts";
import { pageOf } from "./page.ts";

export function makeGrantReads(db: DatabaseSync) {
  const ofTopic = "topic_id = (SELECT stream_id FROM topics WHERE name = ?)";
  const columns = "user, created_at AS createdAt";
  const grant = db.prepare(`SELECT ${columns} FROM grants WHERE ${ofTopic} AND user = ?`);
  const grants = db.prepare(
    `SELECT ${columns} FROM grants WHERE ${ofTopic} AND user > ? ORDER BY user LIMIT ?`,
  );
  const follows = db.prepare(`SELECT 1 FROM subscriptions WHERE ${ofTopic} AND user = ?`);

  return {
    findGrant: (topic: string, user: string): Grant | null =>
      (grant.get(topic, user) as unknown as Grant | undefined) ?? null,

    listGrants: (topic: string, after: string, limit: number): Names<Grant> =>
      pageOf(grants.all(topic, after, limit + 1) as unknown as Grant[], limit, ({ user }) => user),

    following: (topic: string, users: readonly string[]): readonly string[] =>
      [...new Set(users)].filter((user) => follows.get(topic, user) !== undefined),
  };
}
