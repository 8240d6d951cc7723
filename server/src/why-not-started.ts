/** Why the server could not start, for the person in front of it: one sentence with what to do about it. Pure. */
import { Failure, type FailureCode } from "./errors.ts";
import { withoutPassword } from "./url-password.ts";

interface Circumstances {
  readonly dataDirectory: string;
  /** Empty where the store is in the data directory. */
  readonly postgresUrl: readonly string[];
  readonly host: string;
  readonly port: number;
  readonly operationsHost: string;
  readonly operationsPort: number;
}

const isShared = ({ postgresUrl }: Circumstances): boolean => postgresUrl.length > 0;

const nameOf = (c: Circumstances): string =>
  isShared(c) ? `the PostgreSQL store, ${c.postgresUrl.map(withoutPassword).join(", ")},` : c.dataDirectory;

const anotherOf = (c: Circumstances): string =>
  isShared(c) ? "take another database" : "take another --data-directory";

const advice: Record<FailureCode, (c: Circumstances) => string> = {
  locked: (c) => `another process serves ${nameOf(c)}; stop that one first, or ${anotherOf(c)}.`,
  foreign: (c) => `what is in ${nameOf(c)} was not made by this version of Carillon; ${anotherOf(c)}.`,
  corrupt: (c) =>
    `the data in ${nameOf(c)} is damaged; nothing was changed. Keep a copy of it, and put a backup in its place.`,
  unusable: () => "what it depends on can't be used as it is set up.",
  diverged: () => "the store and the log don't go together any more.",
  full: (c) => `no space is left to write to ${nameOf(c)}; make room and start again.`,
  "read-only": (c) => `${nameOf(c)} can't be written; give this user the right to, or ${anotherOf(c)}.`,
  unavailable: () => "the store did not answer; start again, and look at the disk if that doesn't help.",
  overloaded: () => "too much is under way; start again.",
  stopped: () => "it was told to stop while it was starting.",
};

export function whyNotStarted(error: unknown, c: Circumstances): string {
  return `carillon could not start: ${reason(error, c)}`;
}

function reason(error: unknown, c: Circumstances): string {
  if (error instanceof Failure) {
    const { code, message, cause } = error;
    const isOfSystem = code === "unavailable" && cause instanceof Error && "syscall" in cause;
    return isOfSystem ? reason(cause, c) : `${advice[code](c)} (${message})`;
  }
  const { code, port, path, message } = error as NodeJS.ErrnoException & { port?: number };
  const isOperations = port !== undefined && port === c.operationsPort && port !== c.port;
  const option = isOperations ? "operations-" : "";
  const at = isOperations ? `${c.operationsHost}:${c.operationsPort}` : `${c.host}:${c.port}`;
  const name = path ?? c.dataDirectory;
  switch (code) {
    case "EADDRINUSE":
      return `${at} is taken; stop what listens there, or choose another --${option}port (0 takes a free one).`;
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
      return `this machine has no address ${at}; choose another --${option}host.`;
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return port === undefined
        ? `${name} can't be written; give this user the right to, or take another --data-directory.`
        : `this user may not listen on ${at}; choose a --${option}port of 1024 or above.`;
    case "ENOSPC":
    case "EDQUOT":
      return `no space is left to write to ${c.dataDirectory}; make room and start again.`;
    case "EEXIST":
    case "ENOTDIR":
      return `${name} is in the way: a file where a directory should be; take another --data-directory.`;
    default:
      return `${message ?? String(error)}`;
  }
}
