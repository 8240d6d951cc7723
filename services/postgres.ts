import { execFile } from "node:child_process";
import { existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { account, lend } from "./account.ts";
import { postgresAnswers } from "./answers.ts";
import { postgresFolder } from "./find.ts";
import { freePort } from "./free-ports.ts";
import { type Command, type Server, server } from "./server.ts";
import { postgresSettings } from "./versions.ts";

const run = promisify(execFile);

export interface PostgresPlace {
  readonly name?: string;
  readonly directory: string;
  readonly port: number;
  /** Over those of versions.ts. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A PostgreSQL server that trusts whoever reaches it; superuser `postgres`. Made at the first `up`. */
export function postgres(place: PostgresPlace): Server {
  return server({
    name: place.name ?? "postgres",
    url: `postgres://postgres@127.0.0.1:${place.port}/postgres`,
    directory: place.directory,
    command: () => prepare(place),
    answers: () => postgresAnswers(place.port),
    // Fast shutdown: sessions are ended, a checkpoint is written.
    stopSignal: "SIGINT",
  });
}

/** One of the caller's own, up; on a free port unless given one. */
export async function startPostgres(
  place: Omit<PostgresPlace, "port"> & { readonly port?: number },
): Promise<Server> {
  const started = postgres({ ...place, port: place.port ?? (await freePort()) });
  await started.up();
  return started;
}

async function prepare({ directory, port, settings }: PostgresPlace): Promise<Command> {
  const binaries = postgresFolder();
  const as = account();
  lend(directory, as);
  const data = join(directory, "data");
  if (!existsSync(data)) await initialize(binaries, directory, data);
  const all = {
    listen_addresses: "127.0.0.1",
    port: String(port),
    unix_socket_directories: "",
    ...postgresSettings,
    ...settings,
  };
  const configuration = join(directory, "postgresql.conf");
  writeFileSync(
    configuration,
    Object.entries(all)
      .map(([name, value]) => `${name} = '${value}'\n`)
      .join(""),
  );
  const options = ["-D", data, "-c", `config_file=${configuration}`];
  const access = [
    "-c",
    `hba_file=${join(data, "pg_hba.conf")}`,
    "-c",
    `ident_file=${join(data, "pg_ident.conf")}`,
  ];
  return { file: join(binaries, "postgres"), arguments: [...options, ...access], account: as };
}

/** Under another name until it is whole, so that one cut short isn't taken for a server's data. */
async function initialize(binaries: string, directory: string, data: string): Promise<void> {
  const as = account();
  const half = join(directory, "initializing");
  rmSync(half, { recursive: true, force: true });
  const options = ["-D", half, "-U", "postgres", "-A", "trust", "--no-sync", "--encoding=UTF8", "--locale=C"];
  await run(join(binaries, "initdb"), options, {
    cwd: directory,
    ...(as === null ? {} : { uid: as.uid, gid: as.gid }),
  });
  renameSync(half, data);
}
