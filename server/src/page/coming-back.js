/** When to come back after an end, and when not (spec.md, sections 8 and 10). Pure. */

/**
 * @typedef {{ does: "comes back" | "starts anew" | "ends", text: string, leastMs: number }} Verdict
 *   `starts anew`: comes back at once, without a cursor. `leastMs`: not before that.
 */

const minute = 60_000;

/** @type {Readonly<Record<string, string>>} */
const tokenEnds = {
  "token-expired": "Your token has expired.",
  "token-revoked": "Your token was revoked.",
  "token-invalid": "This token isn't valid here.",
  unauthenticated: "This token isn't valid here.",
  "key-invalid": "This token isn't valid here.",
};

/** @type {Readonly<Record<number, string>>} */
const codes = {
  3500: "token-expired",
  3501: "token-invalid",
  3506: "cursor-invalid",
  3507: "too-many-sessions",
  3508: "token-revoked",
};

/** @type {Readonly<Record<number, string>>} */
const comings = {
  3000: "The server is shutting down.",
  3001: "This page read too slowly.",
  3003: "The server has too much to do.",
  3004: "The server's store is away.",
};

/** @param {number} code @param {string} reason @returns {Verdict} */
export function verdictOfClose(code, reason) {
  const named = verdictOf(codes[code] ?? "", reason);
  if (named !== null) return named;
  if ((code >= 3_500 && code < 4_000) || code === 1_002 || code === 1_007) {
    return {
      does: "ends",
      text: `The server asks this page not to come back: ${reason || code}.`,
      leastMs: 0,
    };
  }
  const leastMs = code === 3_003 || code === 3_004 ? 1_000 : 0;
  return { does: "comes back", text: comings[code] ?? "The connection was lost.", leastMs };
}

/** Of a request. @param {{ status: number, code: string, title: string, detail: string, retryMs: number }} problem @returns {Verdict} */
export function verdictOfProblem({ status, code, title, detail, retryMs }) {
  const named = verdictOf(code, detail);
  if (named !== null) return named;
  if (status >= 500 || status === 408 || status === 429 || status === 0) {
    return { does: "comes back", text: `${title}.`, leastMs: retryMs };
  }
  return { does: "ends", text: `${title}: ${detail}.`, leastMs: 0 };
}

/** @param {string} name @param {string} detail @returns {Verdict | null} */
function verdictOf(name, detail) {
  const end = tokenEnds[name];
  if (end !== undefined) {
    const why = name === "token-invalid" && detail !== "" ? ` (${detail})` : "";
    return { does: "ends", text: `${end}${why} Ask for a new one, and sign in with it.`, leastMs: 0 };
  }
  if (name === "cursor-invalid") return { does: "starts anew", text: "Starting anew.", leastMs: 0 };
  if (name !== "too-many-sessions") return null;
  return { does: "comes back", text: "You have as many sessions open as are allowed.", leastMs: minute };
}

/** After the n-th failure in a row, from 0. @param {number} failures @param {number} random from 0 to 1 */
export const backoffMs = (failures, random) => random * Math.min(30_000, 1_000 * 2 ** failures);
