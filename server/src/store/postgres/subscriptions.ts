/** Who follows what, each user's on the server of the user's stream. */
import { type StreamName, userStream } from "@carillon/protocol/stream";
import type { DirectoryDriver, Subscription } from "../directory.ts";
import { integers, texts } from "./arrays.ts";
import { makeGather } from "./gather.ts";
import { pageOf } from "./page.ts";
import type { Shard } from "./shard.ts";
import { allOf, type Shards } from "./shards.ts";

const ofTopic = `
  SELECT user_name AS user, since FROM subscriptions
  WHERE topic = $1 AND user_name > $2 AND part IN (SELECT part FROM parts WHERE state IN ('here', 'frozen'))
  ORDER BY user_name LIMIT $3`;

const ofUsers = `
  SELECT name, topic, since FROM streams JOIN subscriptions ON user_id = streams.id
  WHERE name = ANY($1::text[]) AND carillon_may_read($2::int[]) ORDER BY topic`;

export function makeSubscriptions({ all, of, partOf }: Shards) {
  const gathered = makeGather<Shard, StreamName, readonly Subscription[]>(async (shard, names) => {
    const rows = await shard.query<Subscription & { readonly name: StreamName }>(ofUsers, [
      texts(names),
      integers([...new Set(names.map(partOf))]),
    ]);
    const byName = new Map(names.map((name): [StreamName, Subscription[]] => [name, []]));
    for (const { name, topic, since } of rows) byName.get(name)!.push({ topic, since });
    return names.map((name) => byName.get(name)!);
  });

  return {
    async subscribers(
      topic: string,
      after: string,
      limit: number,
    ): ReturnType<DirectoryDriver["subscribers"]> {
      const pages = await allOf(
        all.map((shard) => shard.query<{ user: string; since: number }>(ofTopic, [topic, after, limit + 1])),
      );
      return pageOf(pages, limit, ({ user }) => user);
    },
    subscriptions: (user: string): Promise<readonly Subscription[]> =>
      gathered(of(userStream(user)), userStream(user)),
  };
}
