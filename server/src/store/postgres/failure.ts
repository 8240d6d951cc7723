import { Failure, type FailureCode } from "../../errors.ts";

/** https://www.postgresql.org/docs/current/errcodes-appendix.html; whole codes before classes. */
const codes: { readonly [sqlstateOrClass: string]: FailureCode } = {
  "08": "unavailable", // the connection
  "25006": "read-only", // a standby, or a primary that has become one
  "26": "unavailable", // a prepared statement that is gone
  "40": "unavailable", // rolled back: deadlock, serialization
  "53": "unavailable", // resources: connections, memory
  "53100": "full",
  "55P03": "unavailable", // lock_timeout
  "57": "unavailable", // cancelled, shutting down, timeouts
  "58": "unavailable", // the server's own I/O
  "58030": "unavailable",
  "25P03": "unavailable", // idle_in_transaction_session_timeout
  XX001: "corrupt",
  XX002: "corrupt",
  "28": "unusable", // these credentials open nothing here
  "3D": "unusable",
};

const retryAfterMs: { readonly [code in FailureCode]?: number } = {
  unavailable: 1_000,
  overloaded: 1_000,
  full: 10_000,
};

/** What the guard raises about a part; see migrations/0001-streams.ts. */
export const movedState = "CRMOV";
const frozenState = "CRFRZ";

export const sqlstateOf = (error: unknown): string =>
  error instanceof Error &&
  "code" in error &&
  typeof error.code === "string" &&
  /^[0-9A-Z]{5}$/.test(error.code)
    ? error.code
    : "";

/** What the guard raised, as it came or as its caller is told. */
export function isAboutAPart(error: unknown): boolean {
  const state = sqlstateOf(error) || sqlstateOf((error as Error).cause);
  return state === movedState || state === frozenState;
}

/** The server ended the statement because it took too long. */
export const isOutOfTime = (error: unknown): boolean => sqlstateOf((error as Error).cause) === "57014";

/** A server that takes no writes is one that another has taken over from: for callers it is away. */
export const isReadOnly = (error: unknown): boolean => sqlstateOf(error) === "25006";

export const unavailable = (message: string, cause?: unknown, afterMs = 1_000): Failure =>
  new Failure("unavailable", message, {
    ...(cause === undefined ? {} : { cause }),
    retryAfterMs: afterMs,
  });

/**
 * What a server's error is to the caller of a port; one about the statement itself or its values stays as it is.
 * `server` names it where that is known.
 */
export function failureOf(error: unknown, server = "PostgreSQL"): unknown {
  const state = sqlstateOf(error);
  if (state === "") return error;
  const reason = error instanceof Error ? error.message : String(error);
  if (state === frozenState) return unavailable("a part is being moved to another server", error, 250);
  if (isReadOnly(error)) return unavailable(`${server} takes no writes (${reason})`, error);
  const code = codes[state] ?? codes[state.slice(0, 2)];
  if (code === undefined) return error;
  const after = retryAfterMs[code];
  return new Failure(code, `${server}: ${reason} (${state})`, {
    cause: error,
    ...(after === undefined ? {} : { retryAfterMs: after }),
  });
}
