/**
 * The one exception of the server. Expected outcomes (a duplicate, a refused item) are values; a `Failure` is
 * for what the caller can't go on after. Codes are a closed set, messages are for people, `cause` is kept.
 */
export type FailureCode =
  | "unavailable" // a backend is away or overloaded; whether the call took effect is unknown; trying again is safe
  | "full" // no space left to write; nothing was written
  | "read-only" // the storage can't be written; nothing was written
  | "corrupt" // the data is damaged
  | "foreign" // the data isn't Carillon's, or of a version this program doesn't know
  | "unusable" // it is there and can't be used as it is set up: rights, names, settings; a person must change that
  | "diverged" // the store and the log don't go together any more; a person must decide how to go on
  | "locked" // another process owns the data
  | "overloaded" // more is under way than is allowed; nothing was done
  | "stopped"; // the service is stopping or stopped; nothing was done

export class Failure extends Error {
  readonly code: FailureCode;
  /** When trying again makes sense, in milliseconds; absent where it never does. */
  readonly retryAfterMs: number | undefined;

  constructor(code: FailureCode, message: string, options?: { cause?: unknown; retryAfterMs?: number }) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.name = "Failure";
    this.code = code;
    this.retryAfterMs = options?.retryAfterMs;
  }
}
