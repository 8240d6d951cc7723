import type { StreamName } from "@carillon/protocol/stream";
import { placeFrom } from "../../access.ts";
import { markKindOf } from "../../marks.ts";
import type { Copies, CopyKind, CopyPage, StreamCopy } from "../../transfer.ts";
import { bigints, seqsIn, texts } from "../arrays.ts";
import type { Shard } from "../shard.ts";
import { allOf, type Shards } from "../shards.ts";

const pageBytes = 4 << 20;
/** Bulk work, on a server that may be busy with it. */
export const bulk = { timeoutMs: 120_000 };

type Row = Readonly<Record<string, string | number | boolean | null>>;

interface Table<K extends CopyKind> {
  /** Behind the place ($1, $2, ...), in its order, and at most so many (the last parameter). */
  readonly select: string;
  /** What the order is by, and where it begins. */
  readonly order: readonly string[];
  readonly start: readonly (string | number)[];
  readonly atHome?: true;
  /** Null: it isn't here. */
  copyOf(row: Row): Copies[K] | null;
}

const here = "(SELECT part FROM parts WHERE state IN ('here', 'frozen'))";

const streamColumns = `id, name, head, trimmed, rev, closed, due_at AS "dueAt", buried,
  CASE WHEN receipt_seq > trimmed THEN receipt_seq ELSE 0 END AS "receiptSeq"`;
const streamTables = "streams LEFT JOIN trims ON stream_id = id";

const streamOf = (row: Row): StreamCopy => ({
  name: row["name"] as StreamName,
  head: row["head"] as number,
  trimmed: row["trimmed"] as number,
  receiptSeq: row["receiptSeq"] as number,
  rev: row["rev"] as number,
  closed: row["closed"] as boolean,
  trim: row["dueAt"] === null ? null : { dueAt: row["dueAt"] as number, buried: row["buried"] as number },
});

const asIs = <K extends CopyKind>(...columns: readonly (keyof Copies[K] & string)[]) => {
  return (row: Row) =>
    Object.fromEntries(columns.map((column) => [column, row[column]])) as unknown as Copies[K];
};

const tables: { readonly [K in CopyKind]: Table<K> } = {
  keys: {
    select: `SELECT hash, name, scopes, sources, created_at AS "createdAt", expires_at AS "expiresAt"
      FROM api_keys WHERE hash > $1 ORDER BY hash LIMIT $2`,
    order: ["hash"],
    start: [""],
    atHome: true,
    copyOf: (row) => ({
      ...asIs<"keys">("name", "hash", "createdAt", "expiresAt")(row),
      scopes: JSON.parse(row["scopes"] as string),
      sources: JSON.parse(row["sources"] as string),
    }),
  },
  revocations: {
    select: `SELECT user_name AS "user", token_id AS "tokenId", issued_before AS "issuedBefore", until
      FROM revocations WHERE (user_name, token_id) > ($1, $2) ORDER BY user_name, token_id LIMIT $3`,
    order: ["user", "tokenId"],
    start: ["", ""],
    atHome: true,
    copyOf: (row) => ({
      ...asIs<"revocations">("issuedBefore", "until")(row),
      ...placeFrom(row["user"] as string, row["tokenId"] as string),
    }),
  },
  streams: {
    select: `SELECT ${streamColumns} FROM ${streamTables}
      WHERE id > $1 AND (head > 0 OR rev > 0 OR closed) AND part IN ${here} ORDER BY id LIMIT $2`,
    order: ["id"],
    start: [0],
    copyOf: streamOf,
  },
  topics: {
    select: `SELECT topic_id AS id, name AS topic, owner, created_at AS "createdAt", subscribe, publish, active,
        keep_ms AS "keepMs" FROM topics
      WHERE topic_id > $1 AND state <> 'gone' AND part IN ${here} ORDER BY topic_id LIMIT $2`,
    order: ["id"],
    start: [0],
    copyOf: asIs<"topics">("topic", "owner", "createdAt", "subscribe", "publish", "active", "keepMs"),
  },
  grants: {
    select: `SELECT topic_id AS id, name AS topic, user_name AS user, grants.created_at AS "createdAt"
      FROM grants JOIN topics USING (topic_id)
      WHERE (topic_id, user_name) > ($1, $2) AND grants.part IN ${here} ORDER BY topic_id, user_name LIMIT $3`,
    order: ["id", "user"],
    start: [0, ""],
    copyOf: asIs<"grants">("topic", "user", "createdAt"),
  },
  subscriptions: {
    select: `SELECT topic, user_name AS user, since FROM subscriptions
      WHERE (topic, user_name) > ($1, $2) AND part IN ${here} ORDER BY topic, user_name LIMIT $3`,
    order: ["topic", "user"],
    start: ["", ""],
    copyOf: asIs<"subscriptions">("topic", "user", "since"),
  },
  marks: {
    select: `SELECT user_id AS "userId", stream_id AS id, kind AS code, substr(u.name, 6) AS user, s.name AS stream,
        up_to AS "upTo", excepted::text AS excepted
      FROM marks JOIN streams u ON u.id = user_id LEFT JOIN streams s ON s.id = stream_id
      WHERE (user_id, stream_id, kind) > ($1, $2, $3) AND u.part IN ${here}
      ORDER BY user_id, stream_id, kind LIMIT $4`,
    order: ["userId", "id", "code"],
    start: [0, 0, -1],
    copyOf: (row) => ({
      ...asIs<"marks">("user", "stream", "upTo")(row),
      kind: markKindOf(row["code"] as number),
      except: seqsIn(row["excepted"] as string),
    }),
  },
  devices: {
    select: `SELECT user_name AS user, device, cursor, seen FROM devices
      WHERE (user_name, device) > ($1, $2) AND part IN ${here} ORDER BY user_name, device LIMIT $3`,
    order: ["user", "device"],
    start: ["", ""],
    copyOf: asIs<"devices">("user", "device", "cursor", "seen"),
  },
  states: {
    select: `SELECT user_id AS "userId", substr(name, 6) AS user, version, state
      FROM user_state JOIN streams ON id = user_id
      WHERE user_id > $1 AND part IN ${here} ORDER BY user_id LIMIT $2`,
    order: ["userId"],
    start: [0],
    copyOf: asIs<"states">("user", "version", "state"),
  },
  erasures: {
    select: `SELECT hash, user_name AS user, topics_to AS "topicsTo", at, head, rev, until FROM erasures
      WHERE hash > $1 AND (part IN ${here} OR part = -1 AND (SELECT server FROM meta) = 0) ORDER BY hash LIMIT $2`,
    order: ["hash"],
    start: [""],
    copyOf: asIs<"erasures">("hash", "user", "topicsTo", "at", "head", "rev", "until"),
  },
  receipts: {
    select: `SELECT receipts.id, name AS stream, seq, user_name AS user, created_at AS at
      FROM receipts JOIN streams ON streams.id = stream_id
      WHERE receipts.id > $1 AND part IN ${here} ORDER BY receipts.id LIMIT $2`,
    order: ["id"],
    start: [0],
    copyOf: asIs<"receipts">("stream", "seq", "user", "at"),
  },
  notifications: {
    select: `SELECT n.*, s.name AS stream, s.part IN ${here} AS here
      FROM (
        SELECT page.*, count(*) OVER () AS found, row_number() OVER so_far AS place,
          sum(octet_length(body)) OVER so_far AS bytes
        FROM (
          SELECT stream_id AS id, seq, kind, receipt, created_at AS "createdAt", expires_at AS "expiresAt",
            convert_from(collapse_key, 'UTF8') AS "collapseKey", key, digest, body
          FROM notifications WHERE (stream_id, seq) > ($1, $2) ORDER BY stream_id, seq LIMIT $3
        ) page WINDOW so_far AS (ORDER BY id, seq)
      ) n LEFT JOIN streams s USING (id)
      WHERE bytes IS NULL OR bytes <= ${pageBytes} OR place = 1 ORDER BY id, seq`,
    order: ["id", "seq"],
    start: [0, 0],
    copyOf: (row) =>
      row["here"] === true
        ? {
            ...asIs<"notifications">("stream", "seq", "kind", "receipt", "createdAt", "expiresAt")(row),
            ...asIs<"notifications">("collapseKey", "key", "digest", "body")(row),
          }
        : null,
  },
};

type Place = readonly [shard: number, ...key: (string | number)[]];

export function makePages({ all, home, grouped }: Shards) {
  /** A mark is where its user is, and may name a topic that is elsewhere. */
  const nameTopics = async (rows: readonly Row[]): Promise<readonly Row[]> => {
    const ids = rows.filter((row) => row["stream"] === null).map((row) => row["id"] as number);
    if (ids.length === 0) return rows;
    const found = await allOf(
      all.map((shard) =>
        shard.query<{ id: number; name: string }>(
          "SELECT id, name FROM streams WHERE id = ANY ($1::bigint[])",
          [bigints(ids)],
          bulk,
        ),
      ),
    );
    const names = new Map(found.flat().map(({ id, name }) => [id, name]));
    return rows.map((row) => ({ ...row, stream: row["stream"] ?? names.get(row["id"] as number)! }));
  };

  return {
    async page<K extends CopyKind>(kind: K, after: string | null, most: number): Promise<CopyPage<K>> {
      const { select, order, start, atHome, copyOf } = tables[kind];
      const [at, ...key]: Place = after === null ? [0, ...start] : (JSON.parse(after) as Place);
      const shards: readonly Shard[] = atHome ? [home] : all;
      const found = await shards[at]!.query<Row>(select, [...key, most + 1], bulk);
      const taken = Math.min(found.length, most);
      const rows = found.slice(0, taken);
      const named = kind === "marks" ? await nameTopics(rows) : rows;
      const copies = named.map((row) => copyOf(row)).filter((copy) => copy !== null);
      const last = rows.at(-1);
      if (taken < ((last?.["found"] as number | undefined) ?? found.length)) {
        return { copies, next: JSON.stringify([at, ...order.map((column) => last![column])]) };
      }
      return { copies, next: at + 1 < shards.length ? JSON.stringify([at + 1, ...start]) : null };
    },

    async streams(names: readonly StreamName[]): Promise<readonly (StreamCopy | null)[]> {
      const found = await allOf(
        Array.from(
          grouped(names, (name) => name),
          ([shard, some]) =>
            shard.query<Row>(
              `SELECT ${streamColumns} FROM ${streamTables} WHERE name = ANY ($1::text[])`,
              [texts(some)],
              bulk,
            ),
        ),
      );
      const byName = new Map(found.flat().map((row) => [row["name"], streamOf(row)]));
      return names.map((name) => byName.get(name) ?? null);
    },
  };
}
