import type { DatabaseSync } from "node:sqlite";
import { Failure } from "../../errors.ts";
import { sql as streams } from "./migrations/0001-streams.ts";
import { sql as people } from "./migrations/0002-people.ts";
import { sql as readMarks } from "./migrations/0003-read-marks.ts";
import { sql as coordination } from "./migrations/0004-coordination.ts";
import { sql as marks } from "./migrations/0005-marks.ts";
import { sql as topics } from "./migrations/0006-topics.ts";
import { sql as access } from "./migrations/0007-access.ts";
import { sql as state } from "./migrations/0008-people.ts";
import { sql as upkeep } from "./migrations/0009-upkeep.ts";

const migrations: readonly string[] = [
  streams,
  people,
  readMarks,
  coordination,
  marks,
  topics,
  access,
  state,
  upkeep,
];

export const newestSchema = migrations.length;

/** "Crln", in the file's header: https://sqlite.org/pragma.html#pragma_application_id */
const applicationId = 0x43726c6e;

const numberOf = (db: DatabaseSync, sql: string): number =>
  Object.values(db.prepare(sql).get() ?? {})[0] as number;

/** Whose file it is; changes nothing. */
export function recognise(db: DatabaseSync): { readonly version: number } {
  const id = numberOf(db, "PRAGMA application_id");
  const version = numberOf(db, "PRAGMA user_version");
  const objects = numberOf(db, "SELECT count(*) FROM sqlite_schema");
  if (id === 0 && version === 0 && objects === 0) return { version: 0 };
  if (id !== applicationId) throw new Failure("foreign", "the data file belongs to another program");
  if (version > migrations.length) {
    throw new Failure(
      "foreign",
      `the data file has schema ${version}, this program knows up to ${migrations.length}: use a newer one`,
    );
  }
  return { version };
}

/** Brings the schema up to `until`, each step whole or not at all. */
export function migrate(db: DatabaseSync, until = newestSchema): void {
  const { version } = recognise(db);
  for (let next = version; next < until; next++) {
    db.exec("BEGIN IMMEDIATE");
    try {
      db.exec(migrations[next]!);
      db.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${next + 1}; COMMIT`);
    } catch (error) {
      if (db.isTransaction) db.exec("ROLLBACK");
      throw error;
    }
  }
}
