/**
 * What becomes of a user's state: pure decisions, the same for every backend. Names that JavaScript gives a meaning of
 * its own are refused at every depth: harmless here, they would be traps for whoever merges what clients are told.
 */
import { limits } from "@carillon/protocol/limits";
import { type Problem, pointerTo, problem } from "@carillon/protocol/problems";

type State = { readonly [member: string]: unknown };

const refusedNames: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

const isObject = (value: unknown): value is State =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const wrong = (pointer: string, detail: string): Problem =>
  problem("body-invalid", `${pointer} ${detail}`.trim(), { errors: [{ pointer, detail }] });

/** Looks no deeper than is allowed, however deep it is. */
function findWrong(value: unknown, pointer: string, depth: number): Problem | null {
  if (typeof value !== "object" || value === null) return null;
  if (depth > limits.stateDepth) return wrong("", `is nested more than ${limits.stateDepth} deep`);
  for (const [name, member] of Object.entries(value)) {
    const place = pointerTo(pointer, name);
    if (refusedNames.has(name)) return wrong(place, "is a name that a state may not have");
    const found = findWrong(member, place, depth + 1);
    if (found !== null) return found;
  }
  return null;
}

/** RFC 7396, section 2. Neither has a refused name. */
function merged(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const result = new Map(isObject(target) ? Object.entries(target) : []);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) result.delete(name);
    else result.set(name, merged(result.get(name), value));
  }
  return Object.fromEntries(result);
}

/** A state that takes the place of the one before, or a merge patch (RFC 7396) of that. */
export type StateChange = { readonly put: State } | { readonly patch: State };

/** The state as JSON after the change; or why it can't be that. */
export function changedState(before: string, change: StateChange): string | Problem {
  const given = "put" in change ? change.put : change.patch;
  const found = findWrong(given, "", 1);
  if (found !== null) return found;
  const state = JSON.stringify("put" in change ? given : merged(JSON.parse(before), given));
  if (Buffer.byteLength(state) <= limits.stateSizeBytes) return state;
  return problem("state-too-large", `the state would take more than ${limits.stateSizeBytes} bytes as JSON`);
}
