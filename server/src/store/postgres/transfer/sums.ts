import type { CopyKind, Counts, Range, RangeSum } from "../../transfer.ts";
import { bigints, texts } from "../arrays.ts";
import { allOf, type Shards } from "../shards.ts";
import { bulk } from "./pages.ts";

const counted: { readonly [K in CopyKind]: string } = {
  keys: "api_keys",
  revocations: "revocations",
  streams: "streams WHERE head > 0 OR rev > 0 OR closed",
  topics: "topics WHERE state <> 'gone'",
  grants: "grants",
  subscriptions: "subscriptions",
  marks: "marks",
  devices: "devices",
  states: "user_state",
  erasures: "erasures WHERE part >= 0 OR (SELECT server FROM meta) = 0",
  receipts: "receipts",
  notifications: "notifications",
};

/** As in row-sum.ts, which says what each character is for. */
const text = `concat(seq, '|', kind, '|', receipt::int, '|', created_at, '|',
  coalesce('+' || expires_at, '-'), '|', key, '|', digest, '|',
  coalesce('+' || encode(collapse_key, 'hex'), '-'), '|', coalesce('+' || body, '-'))`;
/** OFFSET keeps the planner from joining first and looking at the seqs then, which would read a long stream whole. */
const sums = `
  SELECT (r.place - 1)::int AS at, count(n.sum) AS rows, coalesce(sum(n.sum), 0)::text AS sum
  FROM unnest($1::text[], $2::bigint[], $3::bigint[]) WITH ORDINALITY AS r(name, behind, up_to, place)
  LEFT JOIN streams s ON s.name = r.name
  LEFT JOIN LATERAL (
    SELECT ('x' || encode(substring(sha256(convert_to(${text}, 'UTF8')) FOR 8), 'hex'))::bit(64)::bigint AS sum
    FROM notifications WHERE stream_id = s.id AND seq > r.behind AND seq <= r.up_to OFFSET 0
  ) n ON true
  GROUP BY r.place`;

const isAtHome = (kind: CopyKind): boolean => kind === "keys" || kind === "revocations";

export function makeSums({ all, home, grouped }: Shards) {
  const count = async (kind: CopyKind): Promise<number> => {
    const found = await allOf(
      (isAtHome(kind) ? [home] : all).map((shard) =>
        shard.query<{ count: number }>(`SELECT count(*) AS count FROM ${counted[kind]}`, [], bulk),
      ),
    );
    return found.reduce((sum, rows) => sum + rows[0]!.count, 0);
  };

  return {
    async counts(): Promise<Counts> {
      const entries: [string, number][] = [];
      for (const kind of Object.keys(counted) as CopyKind[]) entries.push([kind, await count(kind)]);
      return Object.fromEntries(entries) as Counts;
    },

    async sums(ranges: readonly Range[]): Promise<readonly RangeSum[]> {
      const answers: RangeSum[] = [];
      const places = ranges.map((range, place) => ({ ...range, place }));
      await allOf(
        Array.from(
          grouped(places, ({ stream }) => stream),
          async ([shard, some]) => {
            const rows = await shard.query<RangeSum & { readonly at: number }>(
              sums,
              [
                texts(some.map(({ stream }) => stream)),
                bigints(some.map(({ after }) => after)),
                bigints(some.map(({ upTo }) => upTo ?? Number.MAX_SAFE_INTEGER)),
              ],
              bulk,
            );
            for (const { at, rows: many, sum } of rows) answers[some[at]!.place] = { rows: many, sum };
          },
        ),
      );
      return answers;
    },
  };
}
