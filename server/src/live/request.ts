/** What a client asks for when it opens a session, on any transport. */
import { decodeCursor } from "@carillon/protocol/cursor";
import { type Problem, problem } from "@carillon/protocol/problems";

export interface Wanted {
  /** A valid token. */
  readonly cursor: string | null;
  readonly device: string | null;
  readonly cursors: boolean;
  /** The rev of the `unread` that a polling client has. */
  readonly rev: number | null;
  /** The version of the state that it has. */
  readonly version: number | null;
}

/** A parameter of the query; undefined when it isn't there, an array when it is there more than once. */
export type Query = (name: string) => unknown;

const devicePattern = /^[\x21-\x7e]{1,64}$/;

export const invalid = (parameter: string, detail: string): Problem =>
  problem("parameter-invalid", `${parameter} ${detail}`, { errors: [{ parameter, detail }] });

export const isProblem = (value: object): value is Problem => "status" in value;

/** `lastEventId` is the header of that name and wins over `?cursor=`: it is the newer of the two. */
export function readWanted(query: Query, lastEventId?: unknown): Wanted | Problem {
  const cursor = lastEventId || query("cursor") || null;
  if (cursor !== null) {
    if (typeof cursor !== "string") return problem("cursor-invalid", "there is more than one cursor");
    const { error } = decodeCursor(cursor);
    if (error !== undefined) return problem("cursor-invalid", `the cursor is ${error}`);
  }
  const device = query("device") ?? null;
  if (device !== null && !(typeof device === "string" && devicePattern.test(device))) {
    return invalid("device", "must be 1 to 64 visible ASCII characters");
  }
  const cursors = query("cursors") ?? "false";
  if (cursors !== "true" && cursors !== "false") return invalid("cursors", "must be true or false");
  const rev = readWhole(query, "rev");
  if (typeof rev === "object" && rev !== null) return rev;
  const version = readWhole(query, "state");
  if (typeof version === "object" && version !== null) return version;
  return { cursor, device, cursors: cursors === "true", rev, version };
}

function readWhole(query: Query, name: string): number | null | Problem {
  const given = query(name) ?? null;
  if (given === null) return null;
  return typeof given === "string" && /^\d{1,15}$/.test(given)
    ? Number(given)
    : invalid(name, "must be a whole number");
}
