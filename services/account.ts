import { execFileSync } from "node:child_process";
import { chownSync, mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";

/** PostgreSQL and PgBouncer refuse to run as root; whoever is root lends them another account. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** Null: this process is nobody special, and so are they. */
export function account(): Account | null {
  if (process.getuid?.() !== 0) return null;
  for (const name of ["postgres", "nobody"]) {
    try {
      return { name, uid: idOf("-u", name), gid: idOf("-g", name) };
    } catch {}
  }
  throw new Error("there is neither an account named postgres nor one named nobody to run PostgreSQL as");
}

function idOf(kind: string, name: string): number {
  return Number(execFileSync("id", [kind, name], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
}

/** Makes the directory, and makes it the account's. */
export function lend(directory: string, to: Account | null): void {
  mkdirSync(directory, { recursive: true });
  if (to === null) return;
  const closed = closedAbove(directory);
  if (closed !== null) {
    throw new Error(`${to.name} can't reach ${directory}: others may not enter ${closed}; set SERVICES_DIR`);
  }
  chownSync(directory, to.uid, to.gid);
}

/** The nearest folder above that only its owner may enter. */
export function closedAbove(path: string): string | null {
  for (let at = dirname(path); ; at = dirname(at)) {
    if (((statSync(at, { throwIfNoEntry: false })?.mode ?? 1) & 1) === 0) return at;
    if (at === dirname(at)) return null;
  }
}
