/** Looks a PostgreSQL store over. Reads alone, and makes nothing: not a schema, not a partition. */
import { systemClock } from "../../clock.ts";
import { type Finding, noneOf, warning, well, wrong } from "../../doctor/finding.ts";
import { withoutPassword } from "../../url-password.ts";
import { newestSchema } from "./migrate.ts";
import { makeShard, type Query } from "./shard.ts";

export interface ExamineOptions {
  readonly urls: readonly string[];
  readonly connections: number;
  /** Every stream's rows are counted. */
  readonly isThorough: boolean;
  readonly now: () => number;
}

const askMs = 5_000;
const thoroughMs = 600_000;
const most = 1_000;
const aheadMs = 5_000;
const dayMs = 86_400_000;
const leastVersion = 150_000;

interface Settings {
  readonly version: number;
  readonly fsync: string;
  readonly commit: string;
  readonly pages: string;
  readonly connections: number;
  readonly now: number;
  readonly schema: boolean;
}

const settingsStatement = `
  SELECT current_setting('server_version_num')::integer AS version, current_setting('fsync') AS fsync,
    current_setting('synchronous_commit') AS commit, current_setting('full_page_writes') AS pages,
    current_setting('max_connections')::integer AS connections,
    floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now,
    EXISTS (SELECT FROM pg_class WHERE relname = 'carillon_schema'
      AND relnamespace = current_schema()::regnamespace) AS schema`;

function examineSettings(settings: Settings, { now, connections }: ExamineOptions): Finding[] {
  const { version, fsync, commit, pages } = settings;
  const safe = fsync === "on" && pages === "on" && commit !== "off";
  const apartMs = Math.abs(now() - settings.now);
  return [
    version < leastVersion
      ? wrong("version", `PostgreSQL is ${Math.floor(version / 10_000)}`, "use 15 or newer")
      : well("version", `PostgreSQL is ${Math.floor(version / 10_000)}`),
    safe
      ? well("durability", "fsync, full_page_writes and synchronous_commit are on")
      : wrong(
          "durability",
          `fsync=${fsync}, full_page_writes=${pages}, synchronous_commit=${commit}: what was accepted may be lost`,
          "set all three to on",
        ),
    settings.connections < connections * 2
      ? warning(
          "connections",
          `it takes ${settings.connections} connections, and each process may want ${connections}`,
          "raise max_connections, put PgBouncer before it, or lower --postgres-connections",
        )
      : well("connections", `it takes ${settings.connections} connections`),
    apartMs > aheadMs
      ? wrong(
          "clock",
          `its clock and this machine's are ${Math.round(apartMs / 1_000)} s apart`,
          "set both by the same time servers: expiry and retention go by it",
        )
      : well("clock", "its clock and this machine's agree"),
  ];
}

async function examineDays(query: Query, now: number): Promise<Finding[]> {
  const days = await query<{ until: number }>("SELECT until_at AS until FROM carillon_days()", []);
  const known = new Set(days.map(({ until }) => until));
  const missing = [0, 1].filter((day) => !known.has((Math.floor(now / dayMs) + day + 1) * dayMs));
  const [rest] = await query<{ rows: number }>(
    "SELECT count(*) AS rows FROM (SELECT FROM notifications_default LIMIT 1000) few",
    [],
  );
  return [
    missing.length === 0
      ? well("days", "there are partitions for today and tomorrow")
      : warning(
          "days",
          `there is no partition for ${missing.map((day) => (day === 0 ? "today" : "tomorrow")).join(" and ")}`,
          "a server that runs makes them every hour; until then rows go to the default partition",
        ),
    rest!.rows < most
      ? well("default-partition", `${rest!.rows} rows are in the default partition`)
      : warning(
          "default-partition",
          `${most} rows or more are in the default partition, which retention empties row by row`,
          "nothing has to be done; keep a server running, so that each day has its partition",
        ),
  ];
}

interface Place {
  readonly here: readonly number[];
  readonly moving: readonly number[];
  readonly parts: number;
  readonly epoch: number;
  readonly store: string;
}

async function examineRows(query: Query): Promise<Finding[]> {
  const [found] = await query<{ holes: number; orphans: number }>(
    `SELECT (SELECT count(*) FROM (
        SELECT FROM streams s LEFT JOIN notifications n ON n.stream_id = s.id AND n.seq > s.trimmed
        GROUP BY s.id HAVING count(n.seq) <> s.head - s.trimmed LIMIT ${most}) few) AS holes,
      (SELECT count(*) FROM (
        SELECT FROM notifications n WHERE NOT EXISTS (SELECT FROM streams s WHERE s.id = n.stream_id) LIMIT ${most}) few
      ) AS orphans`,
    [],
    { timeoutMs: thoroughMs },
  );
  const restoring = "restore a backup, and report this: it must not happen";
  return [
    noneOf(
      "seqs",
      found!.holes,
      most,
      ["the seqs of every stream are without holes, up to its head", "streams have holes in their seqs"],
      restoring,
    ),
    noneOf(
      "notifications-belong",
      found!.orphans,
      most,
      ["all notifications belong to a stream", "notifications belong to no stream"],
      "they are what a move of parts has left; repeat the move",
    ),
  ];
}

async function examineServer(url: string, options: ExamineOptions) {
  const name = withoutPassword(url);
  const findings: Finding[] = [];
  let place: Place | null = null;
  const shard = makeShard({ url, clock: systemClock, timeoutMs: askMs, connections: 1, queuedCalls: 64 });
  const { query } = shard;
  try {
    const [settings] = await query<Settings>(settingsStatement, []);
    findings.push(...examineSettings(settings!, options));
    const [row] = settings!.schema
      ? await query<{ version: number }>("SELECT version FROM carillon_schema", [])
      : [];
    const version = row?.version ?? 0;
    if (version !== newestSchema) {
      const what = `the schema is ${version}, and this program knows ${newestSchema}`;
      findings.push(
        version > newestSchema
          ? wrong("schema", what, "use a newer version")
          : warning("schema", what, "the next start brings it up to date"),
      );
    } else {
      findings.push(well("schema", `the schema is ${version}`), ...(await examineDays(query, settings!.now)));
      const [known] = await query<Place>(
        `SELECT store, parts, epoch, array(SELECT part FROM parts WHERE state = 'here') AS here,
           array(SELECT part FROM parts WHERE state IN ('frozen', 'arriving')) AS moving FROM meta`,
        [],
      );
      place = known ?? null;
      if (options.isThorough) findings.push(...(await examineRows(query)));
    }
  } catch (error) {
    const advice = "look whether it runs, and whether the address, the user and the password are right";
    findings.push(wrong("reachable", (error as Error).message, advice));
  } finally {
    await shard.stop();
  }
  return { findings: findings.map((one) => ({ ...one, what: `${name}: ${one.what}` })), place };
}

/** What the servers of a store say together. */
function examineTogether(places: readonly Place[]): Finding[] {
  const [home] = places;
  if (home === undefined) return [];
  const same = <T>(of: (place: Place) => T): boolean => new Set(places.map(of)).size === 1;
  const held = places.flatMap(({ here }) => here);
  const moving = places.flatMap(({ moving }) => moving);
  const missing = Array.from({ length: home.parts }, (_, part) => part).filter(
    (part) => !held.includes(part),
  );
  return [
    same(({ store }) => store)
      ? well("store", "all servers are of one store")
      : wrong("store", "the servers are of different stores", "name the servers of one: --postgres-url"),
    same(({ epoch }) => epoch)
      ? well("epoch", `the epoch is ${home.epoch}`)
      : wrong("epoch", "the servers are of different epochs", "start once with --accept-restore"),
    moving.length > 0
      ? warning(
          "moving",
          `${moving.length} parts are on their way`,
          "repeat the move that was interrupted: `carillon parts`",
        )
      : missing.length > 0 || new Set(held).size < held.length
        ? wrong(
            "parts",
            `${missing.length} parts are on no server, or some on two`,
            "name all servers: --postgres-url",
          )
        : well("parts", `all ${home.parts} parts are on one server each`),
  ];
}

export async function examinePostgres(options: ExamineOptions): Promise<Finding[]> {
  const servers = await Promise.all(options.urls.map((url) => examineServer(url, options)));
  const places = servers.flatMap(({ place }) => (place === null ? [] : [place]));
  return [
    ...servers.flatMap(({ findings }) => findings),
    ...(places.length === servers.length ? examineTogether(places) : []),
  ];
}
