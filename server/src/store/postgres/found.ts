import { randomUUID } from "node:crypto";
import { Failure } from "../../errors.ts";
import type { Query, Shard } from "./shard.ts";

interface Meta {
  readonly store: string;
  readonly server: number;
  readonly parts: number;
  readonly epoch: number;
}

const lock = "SELECT pg_advisory_xact_lock(1131572846, -2)";
const foundingMs = 30_000;
/** 40 bits of streams a server, and 4,096 servers, in what a double holds: an id says the same wherever its part goes. */
const idsOfServer = 2 ** 40;

const metaOf = async (query: Query): Promise<Meta | undefined> =>
  (await query<Meta>("SELECT store, server, parts, epoch FROM meta", []))[0];

/** Writes who a server is, and its share of the parts, in one commit. */
const settle = (shard: Shard, { store, server, parts, epoch }: Meta, shares: number | null): Promise<void> =>
  shard.transaction(async (query) => {
    await query(lock, []);
    if (await metaOf(query)) return;
    await query("INSERT INTO meta(store, server, parts, epoch) VALUES ($1, $2, $3, $4)", [
      store,
      server,
      parts,
      epoch,
    ]);
    await query("SELECT setval(pg_get_serial_sequence('streams', 'id'), $1, false)", [
      server * idsOfServer + 1,
    ]);
    if (server === 0) {
      await query(
        "INSERT INTO servers SELECT server, $1, server = 0 FROM generate_series(0, $1::int - 1) AS server",
        [shares],
      );
    }
    if (shares === null) return;
    await query(
      "INSERT INTO parts(part, state) SELECT part, 'here' FROM generate_series(0, $1::int - 1) AS part WHERE part * $2::int / $1::int = $3",
      [parts, shares, server],
    );
  });

/** The lowest share that nobody took; without one, a number that was never used. */
async function numberFor(query: Query): Promise<{ readonly server: number; readonly shares: number | null }> {
  const [waiting] = await query<{ server: number; shares: number }>(
    "SELECT server, shares FROM servers WHERE NOT ready ORDER BY server LIMIT 1",
    [],
  );
  if (waiting) return waiting;
  const [last] = await query<{ server: number }>("SELECT max(server) AS server FROM servers", []);
  return { server: last!.server + 1, shares: null };
}

/** One server at a time, whoever starts. */
const join = (home: Shard, shard: Shard, { store, parts, epoch }: Meta): Promise<number> =>
  home.transaction(
    async (query) => {
      await query(lock, []);
      const known = await metaOf(shard.query);
      if (known && known.store !== store) throw new Failure("foreign", "a server belongs to another store");
      const { server, shares } = known ? { server: known.server, shares: null } : await numberFor(query);
      if (!known) await settle(shard, { store, server, parts, epoch }, shares);
      await query(
        "INSERT INTO servers VALUES ($1, NULL, true) ON CONFLICT (server) DO UPDATE SET ready = true",
        [server],
      );
      return server;
    },
    { timeoutMs: foundingMs },
  );

/**
 * Makes servers with a schema one store: at the first start of an empty set the parts are dealt out evenly; a server
 * that is added later begins with none. Answers with the servers in the order of their numbers, home first. Each step is a
 * commit, and a start that was interrupted is taken up by the next.
 */
export async function foundStore(
  shards: readonly Shard[],
  parts: number,
): Promise<{ readonly shards: readonly Shard[]; readonly parts: number }> {
  const metas = await Promise.all(shards.map((shard) => metaOf(shard.query)));
  const homeAt = metas.findIndex((meta) => meta?.server === 0);
  if (homeAt === -1 && metas.some(Boolean)) {
    throw new Failure("unusable", "the server that the store began with isn't among those configured");
  }
  const home = shards[Math.max(0, homeAt)]!;
  if (homeAt === -1) {
    await settle(home, { store: randomUUID(), server: 0, parts, epoch: 1 }, shards.length);
  }
  const meta = (await metaOf(home.query))!;
  const others = shards.filter((shard) => shard !== home);
  const members = others.filter((shard) => metas[shards.indexOf(shard)]);
  const numbered: [number, Shard][] = [[0, home]];
  for (const shard of new Set([...members, ...others])) numbered.push([await join(home, shard, meta), shard]);
  numbered.sort(([a], [b]) => a - b);
  const ordered = numbered.map(([, shard]) => shard);
  if (new Set(numbered.map(([server]) => server)).size < numbered.length) {
    throw new Failure("unusable", "two of the configured servers are the same one");
  }
  return { shards: ordered, parts: meta.parts };
}
