import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { account, lend } from "./account.ts";
import { postgresAnswers } from "./answers.ts";
import { binary } from "./find.ts";
import { freePort } from "./free-ports.ts";
import { type Command, type Server, server } from "./server.ts";
import { pgbouncerSettings } from "./versions.ts";

export interface PgbouncerPlace {
  readonly name?: string;
  readonly directory: string;
  readonly port: number;
  /** The server that it stands before, on loopback: all of its databases. */
  readonly postgresPort: number;
}

export function pgbouncer(place: PgbouncerPlace): Server {
  return server({
    name: place.name ?? "pgbouncer",
    url: `postgres://postgres@127.0.0.1:${place.port}/postgres`,
    directory: place.directory,
    command: async () => prepare(place),
    answers: () => postgresAnswers(place.port),
    // It keeps nothing, and what its other signals mean changed between versions.
    stopSignal: "SIGKILL",
  });
}

/** One of the caller's own, up; on a free port unless given one. */
export async function startPgbouncer(
  place: Omit<PgbouncerPlace, "port"> & { readonly port?: number },
): Promise<Server> {
  const started = pgbouncer({ ...place, port: place.port ?? (await freePort()) });
  await started.up();
  return started;
}

function prepare({ directory, port, postgresPort }: PgbouncerPlace): Command {
  const as = account();
  lend(directory, as);
  const program = binary("pgbouncer");
  const users = join(directory, "users.txt");
  writeFileSync(users, '"postgres" ""\n');
  const { max_prepared_statements, ...settings } = pgbouncerSettings;
  const lines = Object.entries({
    listen_addr: "127.0.0.1",
    listen_port: String(port),
    unix_socket_dir: "",
    auth_file: users,
    ...settings,
    ...(keepsPrepared(program) ? { max_prepared_statements } : {}),
  }).map(([name, value]) => `${name} = ${value}\n`);
  const configuration = join(directory, "pgbouncer.ini");
  writeFileSync(
    configuration,
    `[databases]\n* = host=127.0.0.1 port=${postgresPort}\n\n[pgbouncer]\n${lines.join("")}`,
  );
  return { file: program, arguments: [configuration], account: as };
}

/** From 1.21 on there is something to turn off; before, it keeps no prepared statements and refuses the setting. */
function keepsPrepared(program: string): boolean {
  const [, major, minor] =
    /(\d+)\.(\d+)/.exec(execFileSync(program, ["--version"], { encoding: "utf8" })) ?? [];
  return Number(major) > 1 || Number(minor) >= 21;
}
