/** Why the server could not start, for the person in front of it: one sentence with what to do about it. Pure. */
import { Failure, type FailureCode } from "./errors.ts";

interface Circumstances {
  readonly dataDirectory: string;
  readonly host: string;
  readonly port: number;
  readonly operationsHost: string;
  readonly operationsPort: number;
}

const advice: Record<FailureCode, (c: Circumstances) => string> = {
  locked: ({ dataDirectory }) =>
    `another process serves ${dataDirectory}; stop that one first, or take another --data-directory.`,
  foreign: ({ dataDirectory }) =>
    `what is in ${dataDirectory} was not made by this version of Carillon; take another --data-directory.`,
  corrupt: ({ dataDirectory }) =>
    `the data in ${dataDirectory} is damaged; nothing was changed. Keep a copy of it, and put a backup in its place.`,
  diverged: () => "the store and the log don't go together any more.",
  full: ({ dataDirectory }) => `no space is left to write to ${dataDirectory}; make room and start again.`,
  "read-only": ({ dataDirectory }) =>
    `${dataDirectory} can't be written; give this user the right to, or take another --data-directory.`,
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
