import type { DatabaseSync } from "node:sqlite";
import type { Lease } from "../../coordination.ts";

const leasesMost = 10_000;
/** Behind all printable ASCII. */
const last = "\x7f";

export function makeCoordinationReads(db: DatabaseSync, now: () => number) {
  const leases = db.prepare(
    `SELECT name, owner FROM leases WHERE name >= ? AND name < ? AND until > ?
     ORDER BY name LIMIT ${leasesMost}`,
  );

  return {
    leases: (prefix: string): readonly Lease[] =>
      leases.all(prefix, prefix + last, now()) as unknown as Lease[],
  };
}
