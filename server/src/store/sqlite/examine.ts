/**
 * Looks a data directory's database over, beside a server or without one. Read-only: nothing is recovered into the file,
 * brought up to date or locked for longer than a look.
 */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type Finding, noneOf, warning, well, wrong } from "../../doctor/finding.ts";
import { dataFile } from "./backup.ts";
import { failureValueOf } from "./failure.ts";
import { newestSchema, recognise } from "./migrate.ts";

export interface ExamineOptions {
  readonly directory: string;
  readonly keepMs: number | null;
  /** Every page against every index; else what can be seen in one pass. */
  readonly isThorough: boolean;
  readonly now: number;
  /** Who says that it serves the directory. */
  readonly announcedPid: number | null;
}

const most = 1_000;
const aheadMs = 60_000;
const hourMs = 3_600_000;
const largeLogBytes = 256e6;

const numberOf = (db: DatabaseSync, sql: string, ...values: (number | string)[]): number =>
  Number(Object.values(db.prepare(sql).get(...values) ?? { none: 0 })[0]);

const counted = (db: DatabaseSync, rows: string): number =>
  numberOf(db, `SELECT count(*) FROM (${rows} LIMIT ${most})`);

/** Whether somebody has the directory: a look waits for the lock of whoever serves it, and is refused at once. */
function isHeld(directory: string): boolean {
  const file = join(directory, "lock.db");
  if (!existsSync(file)) return false;
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    db.prepare("SELECT count(*) FROM sqlite_schema").get();
    return false;
  } catch (error) {
    if (failureValueOf(error).code === "locked") return true;
    throw error;
  } finally {
    db.close();
  }
}

function examineLock({ directory, announcedPid }: ExamineOptions): Finding {
  const who = announcedPid === null ? "a process" : `process ${announcedPid}`;
  if (isHeld(directory)) return well("lock", `${who} has ${directory} open`);
  return announcedPid === null
    ? well("lock", `nobody has ${directory} open`)
    : warning(
        "lock",
        `serving.json says that ${who} serves ${directory}, and it doesn't`,
        "nothing has to be done: it ended without a word, and the next start writes it anew",
      );
}

const examineWhole = (db: DatabaseSync, isThorough: boolean): Finding => {
  const pragma = isThorough ? "integrity_check" : "quick_check";
  const found = Object.values((db.prepare(`PRAGMA ${pragma}(1)`).get() ?? {}) as object)[0];
  return found === "ok"
    ? well("integrity", `${pragma} finds nothing wrong`)
    : wrong(
        "integrity",
        `the data file is damaged: ${found}`,
        "stop the server, keep a copy, and restore a backup into a new directory",
      );
};

const strangers: readonly (readonly [what: string, rows: string])[] = [
  ["notifications", "notifications t WHERE NOT EXISTS (SELECT 1 FROM streams s WHERE s.id = t.stream_id)"],
  [
    "subscriptions",
    "subscriptions t WHERE NOT EXISTS (SELECT 1 FROM topics s WHERE s.stream_id = t.topic_id)",
  ],
  ["grants", "grants t WHERE NOT EXISTS (SELECT 1 FROM topics s WHERE s.stream_id = t.topic_id)"],
  ["topics", "topics t WHERE NOT EXISTS (SELECT 1 FROM streams s WHERE s.id = t.stream_id)"],
  ["devices", "devices t WHERE NOT EXISTS (SELECT 1 FROM streams s WHERE s.id = t.user_id)"],
  [
    "marks",
    "marks t WHERE NOT EXISTS (SELECT 1 FROM streams s WHERE s.id = t.user_id) OR NOT EXISTS (SELECT 1 FROM streams s WHERE s.id = t.stream_id)",
  ],
];

const restoring = "restore a backup, and report this: it must not happen";

function examineRows(db: DatabaseSync): Finding[] {
  const holes = counted(
    db,
    `SELECT 1 FROM notifications n JOIN streams s ON s.id = n.stream_id AND n.seq > s.trimmed
     GROUP BY s.id HAVING count(*) <> max(n.seq) - s.trimmed`,
  );
  const followers = counted(
    db,
    `SELECT 1 FROM topics t WHERE t.subscribers <> (SELECT count(*) FROM subscriptions s WHERE s.topic_id = t.stream_id)`,
  );
  return [
    ...strangers.map(([what, rows]) =>
      noneOf(
        `${what}-belong`,
        counted(db, `SELECT 1 FROM ${rows}`),
        most,
        [`all ${what} belong to something`, `${what} belong to nothing that is there`],
        restoring,
      ),
    ),
    noneOf(
      "seqs",
      holes,
      most,
      ["the seqs of every stream are without holes", "streams have holes in their seqs"],
      restoring,
    ),
    noneOf(
      "followers",
      followers,
      most,
      ["every topic counts its followers rightly", "topics count their followers wrongly"],
      "nobody misses anything by it; report it",
    ),
  ];
}

function examineAges(db: DatabaseSync, { keepMs, now }: ExamineOptions): Finding[] {
  const newest = numberOf(
    db,
    "SELECT max(created_at) FROM (SELECT created_at FROM notifications ORDER BY id DESC LIMIT 1000)",
  );
  const oldest = numberOf(db, "SELECT created_at FROM notifications ORDER BY id LIMIT 1");
  const hours = (ms: number): string => `${(ms / hourMs).toFixed(1)} hours`;
  const ahead =
    newest > now + aheadMs
      ? wrong(
          "clock",
          `notifications were stored ${hours(newest - now)} ahead of this machine's clock`,
          "set the clock: what they say of expiry and retention comes as late",
        )
      : well("clock", "no notification was stored in the future");
  if (keepMs === null || oldest === 0) return [ahead];
  const lateMs = now - keepMs - oldest;
  return [
    ahead,
    lateMs > hourMs
      ? warning(
          "retention",
          `the oldest notification is ${hours(lateMs)} older than --retention keeps`,
          "the server removes it while it runs; `carillon clean` does so at once",
        )
      : well("retention", "nothing is older than --retention keeps"),
  ];
}

function examineFile(db: DatabaseSync, file: string): Finding[] {
  const sizeBytes = numberOf(db, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size");
  const freeBytes = numberOf(
    db,
    "SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size",
  );
  const log = `${file}-wal`;
  const logBytes = existsSync(log) ? statSync(log).size : 0;
  const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
  return [
    numberOf(db, "PRAGMA auto_vacuum") === 2
      ? well("space", `${mb(sizeBytes)}, of which ${mb(freeBytes)} are free and can be given back`)
      : warning(
          "space",
          `${mb(sizeBytes)}, of which ${mb(freeBytes)} are free and can't be given back while it is served`,
          "run `carillon clean` once while the server is stopped",
        ),
    logBytes > largeLogBytes
      ? warning(
          "log",
          `the write-ahead log has ${mb(logBytes)}`,
          "something reads for very long, or the disk is full: end what reads, such as a backup that hangs",
        )
      : well("log", `the write-ahead log has ${mb(logBytes)}`),
  ];
}

function examineSchema(version: number): Finding {
  return version === newestSchema
    ? well("schema", `the schema is ${version}`)
    : warning(
        "schema",
        `the schema is ${version}, and ${newestSchema} is the newest`,
        "the next start brings it up to date",
      );
}

function examineOpened(db: DatabaseSync, options: ExamineOptions): Finding[] {
  const { version } = recognise(db);
  if (version === 0)
    return [wrong("schema", "the data file is empty", "restore a backup, or start anew elsewhere")];
  const whole = examineWhole(db, options.isThorough);
  if (whole.is !== "well" || version < newestSchema) return [examineSchema(version), whole];
  const isBackup = numberOf(db, "SELECT is_backup FROM meta") === 1;
  const epoch = numberOf(db, "SELECT epoch FROM meta");
  return [
    examineSchema(version),
    whole,
    isBackup
      ? wrong(
          "backup",
          "this is a backup, which isn't served",
          "make a data directory of it: `carillon restore`",
        )
      : well("backup", `this is no backup; its epoch is ${epoch}`),
    ...examineRows(db),
    ...examineAges(db, options),
    ...examineFile(db, join(options.directory, dataFile)),
  ];
}

export function examineSqlite(options: ExamineOptions): Finding[] {
  const file = join(options.directory, dataFile);
  if (!existsSync(file)) {
    return [wrong("data", `${file} is missing`, "name the directory that was served, or restore a backup")];
  }
  const findings: Finding[] = [];
  try {
    findings.push(examineLock(options));
    const db = new DatabaseSync(file, { readOnly: true });
    try {
      db.exec("BEGIN");
      findings.push(...examineOpened(db, options));
    } finally {
      db.close();
    }
  } catch (error) {
    const { code, message } = failureValueOf(error);
    const advice =
      code === "foreign"
        ? "use the version that made it, or restore a backup"
        : "stop the server, keep a copy, and restore a backup into a new directory";
    findings.push(wrong("data", message, advice));
  }
  return findings;
}
