import { Failure, type FailureCode } from "../../errors.ts";

/** A failure on its way from a worker, as plain values. */
export interface FailureValue {
  readonly code: FailureCode;
  readonly message: string;
}

/** SQLite's primary result codes, https://sqlite.org/rescode.html; the extended ones carry them in the low byte. */
const codes: { readonly [primary: number]: FailureCode } = {
  5: "locked",
  6: "locked",
  8: "read-only",
  11: "corrupt",
  13: "full",
  26: "foreign",
};
/** The shared-memory file can't grow: SQLITE_IOERR_SHMSIZE, SQLITE_IOERR_SHMOPEN, SQLITE_IOERR_SHMMAP. */
const sharedMemory = new Set([4618, 4874, 5386]);

const messages: { readonly [code in FailureCode]?: string } = {
  full: "no space is left in the data directory",
  "read-only": "the data directory can't be written",
  corrupt: "the data file is damaged",
  foreign: "the data file isn't Carillon's, or its start is damaged",
  locked: "another process has the data file open",
};

const retryAfterMs: { readonly [code in FailureCode]?: number } = {
  unavailable: 1_000,
  overloaded: 1_000,
  full: 10_000,
  "read-only": 10_000,
};

const errcodeOf = (error: unknown): number =>
  error instanceof Error && "errcode" in error && typeof error.errcode === "number" ? error.errcode : 0;

const systemCodes: { readonly [code: string]: FailureCode } = {
  EROFS: "read-only",
  EACCES: "read-only",
  EPERM: "read-only",
  ENOSPC: "full",
  EDQUOT: "full",
};

export function failureCodeOf(error: unknown): FailureCode {
  if (error instanceof Failure) return error.code;
  if (error instanceof Error && "syscall" in error) {
    return systemCodes[(error as NodeJS.ErrnoException).code ?? ""] ?? "unavailable";
  }
  const errcode = errcodeOf(error);
  if (sharedMemory.has(errcode)) return "full";
  return codes[errcode & 0xff] ?? "unavailable";
}

/** Whether the storage is at fault, and not one call alone. */
export const isStorageFault = (error: unknown): boolean =>
  failureCodeOf(error) !== "unavailable" || [7, 10, 14].includes(errcodeOf(error) & 0xff);

export function failureValueOf(error: unknown): FailureValue {
  const code = failureCodeOf(error);
  const reason = error instanceof Error ? error.message : String(error);
  const message = messages[code];
  return { code, message: error instanceof Failure || !message ? reason : `${message} (${reason})` };
}

export function failureOf({ code, message }: FailureValue, cause?: unknown): Failure {
  const after = retryAfterMs[code];
  return new Failure(code, message, {
    ...(cause === undefined ? {} : { cause }),
    ...(after === undefined ? {} : { retryAfterMs: after }),
  });
}
