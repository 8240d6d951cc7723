import type { Clock } from "../../clock.ts";
import type { PeopleDriver } from "../people.ts";
import type { Found, Head, Page, Row, StreamsDriver } from "../streams.ts";
import { makeApply } from "./apply.ts";
import { integers, texts } from "./arrays.ts";
import { allOf, type Shards } from "./shards.ts";
import { makeUpkeep } from "./upkeep.ts";

interface PageRow extends Row {
  readonly head: number;
  readonly first: number;
}

interface HeadRow extends Head {
  readonly name: string;
  readonly epoch: number;
}

const readStatement = `SELECT head, first, seq, kind, receipt, expires_at AS "expiresAt", body
  FROM carillon_read($1, $2, $3, $4)`;
const headsStatement = `SELECT epoch, name, head, trimmed + 1 AS first, rev,
    CASE WHEN receipt_seq > trimmed THEN receipt_seq ELSE 0 END AS "receiptSeq"
  FROM meta LEFT JOIN streams ON name = ANY ($1::text[]) WHERE carillon_may_read($2::integer[])`;
const findStatement = `SELECT seq, kind, digest, created_at AS "createdAt", expires_at AS "expiresAt", receipt
  FROM carillon_find($1, $2, $3, $4)`;
const withdrawStatement = "SELECT seq, rev FROM carillon_withdraw($1, $2, $3, $4)";
const trimStatement = `WITH trimmed AS (
    UPDATE streams SET trimmed = least($3::bigint, head)
    WHERE (SELECT carillon_may_write(ARRAY[$1::integer])) AND name = $2 AND least($3::bigint, head) > trimmed
    RETURNING id)
  INSERT INTO trims(stream_id, due_at, buried) SELECT id, 0, 0 FROM trimmed
  ON CONFLICT (stream_id) DO UPDATE SET due_at = 0`;

const nothing: Head = { head: 0, first: 1, rev: 0, receiptSeq: 0 };

const rowOf = ({ seq, kind, expiresAt, receipt, body }: PageRow): Row => ({
  seq,
  kind,
  expiresAt,
  receipt,
  body,
});

export function makeStreams(
  shards: Shards,
  identityWindowMs: number,
  clock: Clock,
  erasing: Pick<PeopleDriver, "continueErasing">,
): StreamsDriver {
  return {
    apply: makeApply(shards, identityWindowMs),

    read: (stream, after, limit): Promise<Page> =>
      shards.steady(async () => {
        const values = [shards.partOf(stream), stream, after, limit];
        const rows = await shards.of(stream).query<PageRow>(readStatement, values);
        const { head, first } = rows[0] ?? nothing;
        return { first, head, rows: rows[0]?.seq === null ? [] : rows.map(rowOf) };
      }),

    heads: (streams) =>
      shards.steady(async () => {
        const groups = shards.grouped([...new Set(streams)], (name) => name);
        if (groups.size === 0) groups.set(shards.home, []);
        const found = await allOf(
          Array.from(groups, ([shard, names]) => {
            const parts = [...new Set(names.map(shards.partOf))];
            return shard.query<HeadRow>(headsStatement, [texts(names), integers(parts)]);
          }),
        );
        const rows = found.flat();
        const byName = new Map(
          rows.map(({ name, head, first, rev, receiptSeq }) => [name, { head, first, rev, receiptSeq }]),
        );
        return {
          epoch: Math.max(...rows.map(({ epoch }) => epoch)),
          heads: streams.map((name) => byName.get(name) ?? nothing),
        };
      }),

    find: (stream, key) =>
      shards.steady(async () => {
        const values = [shards.partOf(stream), stream, key, identityWindowMs];
        const [found] = await shards.of(stream).query<Found>(findStatement, values);
        return found ?? null;
      }),

    withdraw: (stream, key) =>
      shards.steady(async () => {
        const values = [shards.partOf(stream), stream, key, identityWindowMs];
        const [row] = await shards
          .of(stream)
          .query<{ seq: number | null; rev: number }>(withdrawStatement, values);
        return row?.seq == null ? null : { seq: row.seq, rev: row.rev };
      }),

    trim: (stream, upTo) =>
      shards.steady(async () => {
        await shards.of(stream).query(trimStatement, [shards.partOf(stream), stream, upTo]);
      }),

    upkeep: makeUpkeep(shards, identityWindowMs, clock, erasing),

    progress: (part) =>
      shards.steady(async () => {
        const [row] = await shards
          .ofPart(part)
          .query<{ next: string | null }>(
            "SELECT (SELECT next FROM log_progress WHERE part = $1) AS next WHERE carillon_may_read(ARRAY[$1])",
            [part],
          );
        return row?.next ?? null;
      }),
  };
}
