import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { StreamName } from "@carillon/protocol/stream";
import { placeFrom } from "../../access.ts";
import { markKindOf } from "../../marks.ts";
import type { Copies, CopyKind, CopyPage, StreamCopy } from "../../transfer.ts";

const pageBytes = 4 << 20;

type Row = Readonly<Record<string, SQLInputValue>>;

interface Table<K extends CopyKind> {
  /** Behind the place, in its order. */
  readonly select: string;
  /** What the order is by, and where it begins. */
  readonly order: readonly string[];
  readonly start: readonly (string | number)[];
  copyOf(row: Row): Copies[K];
}

const streamColumns = `id, name, trimmed, rev, closed, due_at AS dueAt, buried,
  max(trimmed, coalesce((SELECT max(seq) FROM notifications WHERE stream_id = streams.id), 0)) AS head,
  coalesce((SELECT max(seq) FROM notifications
    WHERE stream_id = streams.id AND receipt = 1 AND seq > streams.trimmed), 0) AS receiptSeq`;
const streamTables = "streams LEFT JOIN trims ON stream_id = id";
/** A stream that says nothing needs no creation elsewhere either. */
export const saysSomething = `(rev > 0 OR closed = 1 OR trimmed > 0
  OR EXISTS (SELECT 1 FROM notifications WHERE stream_id = streams.id))`;

const streamOf = (row: Row): StreamCopy => ({
  name: row["name"] as StreamName,
  head: row["head"] as number,
  trimmed: row["trimmed"] as number,
  receiptSeq: row["receiptSeq"] as number,
  rev: row["rev"] as number,
  closed: row["closed"] === 1,
  trim:
    row["dueAt"] === null
      ? null
      : { dueAt: Math.floor(row["dueAt"] as number), buried: row["buried"] as number },
});

/** Expiry may have been stored with a fraction of a millisecond. */
const whole = (column: string): string => `CAST(floor(${column}) AS INTEGER)`;

export const notificationColumns = `seq, kind, receipt = 1 AS receipt, ${whole("created_at")} AS createdAt,
  ${whole("expires_at")} AS expiresAt, collapse_key AS collapseKey, key, digest, body`;

const asIs = <K extends CopyKind>(...columns: readonly (keyof Copies[K] & string)[]) => {
  return (row: Row) =>
    Object.fromEntries(columns.map((column) => [column, row[column]])) as unknown as Copies[K];
};

const tables: { readonly [K in CopyKind]: Table<K> } = {
  keys: {
    select: `SELECT hash, name, scopes, sources, ${whole("created_at")} AS createdAt, ${whole("expires_at")} AS expiresAt
      FROM api_keys WHERE hash > ? ORDER BY hash LIMIT ?`,
    order: ["hash"],
    start: [""],
    copyOf: (row) => ({
      ...asIs<"keys">("name", "hash", "createdAt", "expiresAt")(row),
      scopes: JSON.parse(row["scopes"] as string),
      sources: JSON.parse(row["sources"] as string),
    }),
  },
  revocations: {
    select: `SELECT user, token_id AS tokenId, issued_before AS issuedBefore, until
      FROM revocations WHERE (user, token_id) > (?, ?) ORDER BY user, token_id LIMIT ?`,
    order: ["user", "tokenId"],
    start: ["", ""],
    copyOf: (row) => ({
      ...asIs<"revocations">("issuedBefore", "until")(row),
      ...placeFrom(row["user"] as string, row["tokenId"] as string),
    }),
  },
  streams: {
    select: `SELECT ${streamColumns} FROM ${streamTables} WHERE id > ? AND ${saysSomething} ORDER BY id LIMIT ?`,
    order: ["id"],
    start: [0],
    copyOf: streamOf,
  },
  topics: {
    select: `SELECT stream_id AS id, name AS topic, owner, ${whole("created_at")} AS createdAt,
        subscribe, publish, active, keep_ms AS keepMs
      FROM topics WHERE stream_id > ? ORDER BY stream_id LIMIT ?`,
    order: ["id"],
    start: [0],
    copyOf: (row) => ({
      ...asIs<"topics">("topic", "owner", "createdAt", "subscribe", "publish", "keepMs")(row),
      active: row["active"] === 1,
    }),
  },
  grants: {
    select: `SELECT topic_id AS id, name AS topic, user, grants.created_at AS createdAt
      FROM grants JOIN topics ON stream_id = topic_id
      WHERE (topic_id, user) > (?, ?) ORDER BY topic_id, user LIMIT ?`,
    order: ["id", "user"],
    start: [0, ""],
    copyOf: asIs<"grants">("topic", "user", "createdAt"),
  },
  subscriptions: {
    select: `SELECT topic_id AS id, name AS topic, user, since FROM subscriptions JOIN topics ON stream_id = topic_id
      WHERE (topic_id, user) > (?, ?) ORDER BY topic_id, user LIMIT ?`,
    order: ["id", "user"],
    start: [0, ""],
    copyOf: asIs<"subscriptions">("topic", "user", "since"),
  },
  marks: {
    select: `SELECT user_id AS userId, stream_id AS id, kind AS code, substr(u.name, 6) AS user, s.name AS stream,
        up_to AS upTo, excepted
      FROM marks JOIN streams u ON u.id = user_id JOIN streams s ON s.id = stream_id
      WHERE (user_id, stream_id, kind) > (?, ?, ?) ORDER BY user_id, stream_id, kind LIMIT ?`,
    order: ["userId", "id", "code"],
    start: [0, 0, -1],
    copyOf: (row) => ({
      ...asIs<"marks">("user", "stream", "upTo")(row),
      kind: markKindOf(row["code"] as number),
      except: JSON.parse(row["excepted"] as string),
    }),
  },
  devices: {
    select: `SELECT user_id AS userId, substr(name, 6) AS user, device, cursor, seen
      FROM devices JOIN streams ON id = user_id
      WHERE (user_id, device) > (?, ?) ORDER BY user_id, device LIMIT ?`,
    order: ["userId", "device"],
    start: [0, ""],
    copyOf: asIs<"devices">("user", "device", "cursor", "seen"),
  },
  states: {
    select: `SELECT user_id AS userId, substr(name, 6) AS user, version, state
      FROM user_state JOIN streams ON id = user_id WHERE user_id > ? ORDER BY user_id LIMIT ?`,
    order: ["userId"],
    start: [0],
    copyOf: asIs<"states">("user", "version", "state"),
  },
  erasures: {
    select: `SELECT hash, user, topics_to AS topicsTo, at, head, rev, until
      FROM erasures WHERE hash > ? ORDER BY hash LIMIT ?`,
    order: ["hash"],
    start: [""],
    copyOf: asIs<"erasures">("hash", "user", "topicsTo", "at", "head", "rev", "until"),
  },
  receipts: {
    select: `SELECT receipts.id, name AS stream, seq, user, ${whole("created_at")} AS at
      FROM receipts JOIN streams ON streams.id = stream_id
      WHERE receipts.id > ? ORDER BY receipts.id LIMIT ?`,
    order: ["id"],
    start: [0],
    copyOf: asIs<"receipts">("stream", "seq", "user", "at"),
  },
  notifications: {
    select: `SELECT notifications.id, name AS stream, ${notificationColumns}
      FROM notifications JOIN streams ON streams.id = stream_id
      WHERE notifications.id > ? ORDER BY notifications.id LIMIT ?`,
    order: ["id"],
    start: [0],
    copyOf: (row) => ({
      ...asIs<"notifications">("stream", "seq", "kind", "createdAt", "expiresAt", "collapseKey")(row),
      ...asIs<"notifications">("key", "digest", "body")(row),
      receipt: row["receipt"] === 1,
    }),
  },
};

export function makePages(db: DatabaseSync) {
  const named = db.prepare(`SELECT ${streamColumns} FROM ${streamTables} WHERE name = ?`);
  const selects = new Map(Object.entries(tables).map(([kind, { select }]) => [kind, db.prepare(select)]));

  return {
    page<K extends CopyKind>(kind: K, after: string | null, most: number): CopyPage<K> {
      const { order, start, copyOf } = tables[kind];
      const place = after === null ? start : (JSON.parse(after) as (string | number)[]);
      const copies: Copies[K][] = [];
      let size = 0;
      let last: Row | undefined;
      for (const found of selects.get(kind)!.iterate(...place, most + 1)) {
        const row = found as Row;
        const bytes = typeof row["body"] === "string" ? row["body"].length : 0;
        if (copies.length === most || (last !== undefined && size + bytes > pageBytes)) {
          return { copies, next: JSON.stringify(order.map((column) => last![column])) };
        }
        size += bytes;
        copies.push(copyOf(row));
        last = row;
      }
      return { copies, next: null };
    },

    streams: (names: readonly StreamName[]): readonly (StreamCopy | null)[] =>
      names.map((name) => {
        const row = named.get(name) as Row | undefined;
        return row === undefined ? null : streamOf(row);
      }),
  };
}
