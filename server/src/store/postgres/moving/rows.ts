/**
 * Rows of a part, from one server to another of the same schema. They travel as JSON that one server writes and the
 * other reads, so that no column is named twice; numbers of streams are good on all servers.
 */
import { bigints, texts } from "../arrays.ts";
import type { Query, Shard } from "../shard.ts";
import { bulk } from "../transfer/pages.ts";

const rowsAtOnce = 2_000;
const streamsAtOnce = 500;

/** A table whose rows are those of a part: by its own column, or by the streams of the part. */
interface Table {
  readonly name: string;
  readonly by: "part" | "stream";
  /** For `stream`: the column that has the stream's number. */
  readonly stream?: string;
  /** Unique within the table and the order in which rows go over; text and numbers. */
  readonly key: readonly string[];
  /** Columns that the other server gives numbers of its own. */
  readonly own?: readonly string[];
}

/** All but `notifications` and `streams`, which have their own ways. */
const tables: readonly Table[] = [
  { name: "log_progress", by: "part", key: ["part"] },
  { name: "rejected", by: "part", key: ["id"], own: ["id"] },
  { name: "topics", by: "part", key: ["topic_id"] },
  { name: "grants", by: "part", key: ["topic_id", "user_name"] },
  { name: "topic_followers", by: "part", key: ["topic_id", "part"] },
  { name: "subscriptions", by: "part", key: ["topic", "user_name"] },
  { name: "devices", by: "part", key: ["user_name", "device"] },
  { name: "marks", by: "stream", stream: "user_id", key: ["user_id", "stream_id", "kind"] },
  { name: "erasures", by: "part", key: ["hash"] },
  { name: "erased_streams", by: "stream", stream: "stream_id", key: ["stream_id"] },
  { name: "user_state", by: "stream", stream: "user_id", key: ["user_id"] },
  { name: "receipts", by: "stream", stream: "stream_id", key: ["id"], own: ["id"] },
  { name: "trims", by: "stream", stream: "stream_id", key: ["stream_id"] },
];

export interface StreamState {
  readonly id: number;
  readonly trimmed: number;
}

/** The streams of a part, some at a time, in the order of their numbers. */
async function* streamsOf(shard: Shard, part: number): AsyncGenerator<readonly StreamState[]> {
  let after = -1;
  for (;;) {
    const page = await shard.query<StreamState>(
      "SELECT id, trimmed FROM streams WHERE part = $1 AND id > $2 ORDER BY id LIMIT $3",
      [part, after, streamsAtOnce],
      bulk,
    );
    if (page.length > 0) yield page;
    if (page.length < streamsAtOnce) return;
    after = page.at(-1)!.id;
  }
}

const idsOf = (streams: readonly StreamState[]): Buffer => bigints(streams.map(({ id }) => id));

/** Rows as JSON with their keys, from a condition whose parameters come first. */
async function* pages(
  shard: Shard,
  { name, key }: Pick<Table, "name" | "key">,
  condition: string,
  values: readonly unknown[],
): AsyncGenerator<readonly string[]> {
  const columns = key.map((column) => `t.${column}`).join(", ");
  let after: readonly string[] | null = null;
  for (;;) {
    const places = (after ?? []).map((_, at) => `$${values.length + 2 + at}`).join(", ");
    const behind = after === null ? "" : `AND (${columns}) > (${places})`;
    const page: readonly { readonly row: string; readonly key: readonly string[] }[] = await shard.query(
      `SELECT to_json(t)::text AS row, ARRAY[${key.map((column) => `t.${column}::text`).join(", ")}] AS key
       FROM ${name} t WHERE ${condition} ${behind} ORDER BY ${columns} LIMIT $${values.length + 1}`,
      [...values, rowsAtOnce, ...(after ?? [])],
      bulk,
    );
    if (page.length > 0) yield page.map(({ row }) => row);
    if (page.length < rowsAtOnce) return;
    after = page.at(-1)!.key;
  }
}

/** Columns in the order of the table, without those that the server numbers itself. */
async function columnsOf(
  query: Query,
  name: string,
  own: readonly string[] = [],
): Promise<readonly string[]> {
  const found = await query<{ column: string }>(
    `SELECT attname AS column FROM pg_attribute
     WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
    [name],
  );
  return found.map(({ column }) => column).filter((column) => !own.includes(column));
}

const insertOf = (name: string, columns: readonly string[], conflict: string): string => `
  INSERT INTO ${name}(${columns.join(", ")})
  SELECT ${columns.map((column) => `(r.row).${column}`).join(", ")}
  FROM (SELECT json_populate_record(NULL::${name}, t.row::json) AS row, t.place
    FROM unnest($1::text[]) WITH ORDINALITY AS t(row, place)) r ORDER BY r.place
  ${conflict}`;

const upsertOf = (name: string, columns: readonly string[], key: readonly string[]): string => {
  const rest = columns.filter((column) => !key.includes(column));
  const set = rest.map((column) => `${column} = excluded.${column}`).join(", ");
  return insertOf(name, columns, `ON CONFLICT (${key.join(", ")}) DO UPDATE SET ${set}`);
};

export interface RowMover {
  /** Everything of the part that isn't a stream or a notification, anew. */
  people(): Promise<number>;
  /** Streams as they are now, and their notifications: all, or those that were written `since`. */
  streams(since: string | null, wrote: (rows: number) => void): Promise<void>;
}

export async function moveRows(
  part: number,
  from: Shard,
  to: Shard,
  needDays: (times: readonly number[]) => Promise<void>,
): Promise<RowMover> {
  const streamsInto = upsertOf("streams", await columnsOf(to.query, "streams"), ["id"]);
  const place = ["stream_id", "seq", "created_at"];
  const notificationsInto = upsertOf("notifications", await columnsOf(to.query, "notifications"), place);

  const put = (insert: string, rows: readonly string[]) => to.query(insert, [texts(rows)], bulk);

  const copyTable = async (table: Table): Promise<number> => {
    const insert = insertOf(table.name, await columnsOf(to.query, table.name, table.own), "");
    let count = 0;
    const copy = async (condition: string, value: unknown): Promise<void> => {
      await to.query(`DELETE FROM ${table.name} t WHERE ${condition}`, [value], bulk);
      for await (const rows of pages(from, table, condition, [value])) {
        await put(insert, rows);
        count += rows.length;
      }
    };
    if (table.by === "part") await copy("t.part = $1", part);
    else {
      for await (const streams of streamsOf(from, part)) {
        await copy(`t.${table.stream} = ANY ($1::bigint[])`, idsOf(streams));
      }
    }
    return count;
  };

  return {
    async people() {
      let count = 0;
      for (const table of tables) count += await copyTable(table);
      for await (const rows of pages(from, { name: "topic_ends", key: ["topic_id"] }, "true", [])) {
        const merge =
          "ON CONFLICT (topic_id) DO UPDATE SET generation = greatest(topic_ends.generation, excluded.generation)";
        await put(insertOf("topic_ends", ["topic_id", "generation"], merge), rows);
      }
      return count;
    },

    async streams(since, wrote) {
      for await (const streams of streamsOf(from, part)) {
        const ids = idsOf(streams);
        const itself = { name: "streams", key: ["id"] };
        for await (const rows of pages(from, itself, "t.id = ANY ($1::bigint[])", [ids])) {
          await put(streamsInto, rows);
        }
        const ofStreams = "t.stream_id = ANY ($1::bigint[])";
        const changed =
          "age(t.xmin)::bigint <= (pg_snapshot_xmax(pg_current_snapshot())::text::bigint - $2::bigint)";
        const [condition, values] =
          since === null ? [ofStreams, [ids]] : [`${ofStreams} AND ${changed}`, [ids, since]];
        for await (const rows of pages(
          from,
          { name: "notifications", key: ["stream_id", "seq"] },
          condition,
          values,
        )) {
          await needDays(rows.map((row) => (JSON.parse(row) as { created_at: number }).created_at));
          await put(notificationsInto, rows);
          wrote(rows.length);
        }
        if (since === null) continue;
        // What upkeep has removed since it was copied.
        await to.query(
          `DELETE FROM notifications n USING streams s
           WHERE s.id = ANY ($1::bigint[]) AND n.stream_id = s.id AND n.seq <= s.trimmed
             AND NOT EXISTS (SELECT FROM trims t WHERE t.stream_id = s.id)`,
          [ids],
          bulk,
        );
      }
    },
  };
}

/** How much of a part a server has: the same on both, or the move isn't finished. */
export async function tally(shard: Shard, part: number): Promise<Readonly<Record<string, string>>> {
  const sums: Record<string, string> = {};
  let notifications = { rows: 0n, sum: 0n };
  let streams = { rows: 0n, sum: 0n };
  for (const { name, by } of tables) {
    if (by === "part") {
      const [row] = await shard.query<{ rows: string }>(
        `SELECT count(*)::text AS rows FROM ${name} WHERE part = $1`,
        [part],
        bulk,
      );
      sums[name] = row!.rows;
    }
  }
  for await (const page of streamsOf(shard, part)) {
    const ids = idsOf(page);
    const [of] = await shard.query<{ rows: string; sum: string; streams: string }>(
      `SELECT count(*)::text AS rows,
         coalesce(sum(hashtextextended(concat_ws(' ', n.stream_id, n.seq, n.kind, n.key, n.digest, n.body), 0)), 0)::text AS sum,
         (SELECT coalesce(sum(hashtextextended(concat_ws(' ', id, name, head, trimmed, rev, closed), 0)), 0)::text
          FROM streams WHERE id = ANY ($1::bigint[])) AS streams
       FROM streams s JOIN notifications n ON n.stream_id = s.id AND n.seq > s.trimmed
       WHERE s.id = ANY ($1::bigint[])`,
      [ids],
      bulk,
    );
    notifications = { rows: notifications.rows + BigInt(of!.rows), sum: notifications.sum + BigInt(of!.sum) };
    streams = { rows: streams.rows + BigInt(page.length), sum: streams.sum + BigInt(of!.streams) };
    for (const { name, stream } of tables) {
      if (stream === undefined) continue;
      const [row] = await shard.query<{ rows: string }>(
        `SELECT count(*)::text AS rows FROM ${name} WHERE ${stream} = ANY ($1::bigint[])`,
        [ids],
        bulk,
      );
      sums[name] = String(BigInt(sums[name] ?? 0) + BigInt(row!.rows));
    }
  }
  sums["notifications"] = `${notifications.rows} ${notifications.sum}`;
  sums["streams"] = `${streams.rows} ${streams.sum}`;
  return sums;
}

/** Removes what a server has of a part that isn't its own any more; repeatable. */
export async function clearPart(shard: Shard, part: number): Promise<void> {
  for await (const streams of streamsOf(shard, part)) {
    const ids = idsOf(streams);
    for (const { name, stream } of [...tables, { name: "notifications", stream: "stream_id" }]) {
      if (stream !== undefined) {
        await shard.query(`DELETE FROM ${name} WHERE ${stream} = ANY ($1::bigint[])`, [ids], bulk);
      }
    }
    await shard.query("DELETE FROM streams WHERE id = ANY ($1::bigint[])", [ids], bulk);
  }
  for (const { name, by } of tables) {
    if (by === "part") await shard.query(`DELETE FROM ${name} WHERE part = $1`, [part], bulk);
  }
}
