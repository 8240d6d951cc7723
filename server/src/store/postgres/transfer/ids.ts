import type { StreamName } from "@carillon/protocol/stream";
import { integers, texts } from "../arrays.ts";
import { allOf, type Shards } from "../shards.ts";
import { bulk } from "./pages.ts";

/** Streams whose number is known without asking. */
const known = 200_000;

const insert = `
  INSERT INTO streams(name, part) SELECT * FROM unnest($1::text[], $2::int[]) AS t(name, part)
  ORDER BY name ON CONFLICT DO NOTHING`;
const select = "SELECT id, name FROM streams WHERE name = ANY ($1::text[])";

/** Streams' numbers by name; one that says nothing was not put, and is made when something names it. */
export function makeIds({ partOf, grouped }: Shards) {
  const ids = new Map<StreamName, number>();

  return async (names: readonly StreamName[]): Promise<ReadonlyMap<StreamName, number>> => {
    const wanted = new Map<StreamName, number>();
    const unknown = new Set<StreamName>();
    for (const name of names) {
      const id = ids.get(name);
      if (id === undefined) unknown.add(name);
      else wanted.set(name, id);
    }
    await allOf(
      Array.from(
        grouped([...unknown], (name) => name),
        async ([shard, some]) => {
          type Found = { readonly id: number; readonly name: StreamName };
          let found = await shard.query<Found>(select, [texts(some)], bulk);
          if (found.length < some.length) {
            await shard.query(insert, [texts(some), integers(some.map(partOf))], bulk);
            found = await shard.query<Found>(select, [texts(some)], bulk);
          }
          for (const { id, name } of found) {
            if (ids.size >= known) ids.delete(ids.keys().next().value!);
            ids.set(name, id);
            wanted.set(name, id);
          }
        },
      ),
    );
    return wanted;
  };
}
