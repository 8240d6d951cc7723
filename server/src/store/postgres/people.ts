import { type StreamName, userStream } from "@carillon/protocol/stream";
import { type KeptState, noState, type PeopleDriver } from "../people.ts";
import { integers, texts } from "./arrays.ts";
import { makeGather } from "./gather.ts";
import type { Shard } from "./shard.ts";
import type { Shards } from "./shards.ts";

const states = `
  SELECT name, version, state FROM streams JOIN user_state ON user_id = id
  WHERE name = ANY ($1::text[]) AND carillon_may_read($2::int[])`;
const put = "SELECT carillon_put_state($1, $2, $3, $4) AS rev";

export function makePeople(
  shards: Shards,
  erasing: Pick<PeopleDriver, "beginErasing" | "continueErasing">,
): PeopleDriver {
  const { of, partOf, steady } = shards;

  const stateOf = makeGather<Shard, StreamName, KeptState>(async (shard, names) => {
    const parts = integers([...new Set(names.map(partOf))]);
    const rows = await shard.query<KeptState & { readonly name: string }>(states, [texts(names), parts]);
    const found = new Map(rows.map(({ name, version, state }) => [name, { version, state }]));
    return names.map((name) => found.get(name) ?? noState);
  });

  return {
    ...erasing,
    state: (user) =>
      steady(() => {
        const name = userStream(user);
        return stateOf(of(name), name);
      }),
    putState: (user, state, version) =>
      steady(async () => {
        const name = userStream(user);
        const values = [partOf(name), name, state, version];
        const [row] = await of(name).query<{ rev: number | null }>(put, values);
        return row!.rev === null ? null : { rev: row!.rev };
      }),
  };
}
