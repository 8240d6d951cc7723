import { accessSync, constants, readdirSync } from "node:fs";
import { join } from "node:path";

/** Where a program is: on the path, or where Debian keeps programs that only root's path has. */
export function binary(...names: string[]): string {
  const found = findBinary(...names);
  if (found === null) throw new Error(`${names.join(" or ")} is not installed`);
  return found;
}

export function findBinary(...names: string[]): string | null {
  const folders = [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin", "/usr/local/sbin"];
  for (const name of names) {
    const found = folders.map((folder) => join(folder, name)).find(executable);
    if (found !== undefined) return found;
  }
  return null;
}

export function postgresFolder(): string {
  const found = findPostgres();
  if (found === null) throw new Error("PostgreSQL is not installed");
  return found;
}

/** The folder of `initdb` and `postgres`: Debian keeps one a version, off the path; the newest is taken. */
export function findPostgres(): string | null {
  const newest = list("/usr/lib/postgresql").sort((a, b) => Number(b) - Number(a));
  const folders = newest.map((version) => `/usr/lib/postgresql/${version}/bin`);
  const found = folders.find((folder) => executable(join(folder, "initdb")));
  return found ?? findBinary("initdb")?.replace(/\/initdb$/, "") ?? null;
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
