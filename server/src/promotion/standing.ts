/**
 * How a store stands with promotions: one fact, kept in the store itself, that says whether it may be served. Pure.
 *
 * - `serving`: it was served. Whoever serves a store says so in it, and nothing is copied into one that was.
 * - `leaving`: it is being copied to another place. Serving it again ends that promotion.
 * - `left`: all of it is elsewhere now, and what is newer is there alone.
 * - `arriving`: a part of another store is in it.
 * - `arrived`: all of that store is in it, compared, and nobody has served it yet.
 */
import { type CopyKind, copyKinds } from "../store/transfer.ts";

export const standingFact = "promotion";

/** Where a copy stands; `place` as the source gives them. */
export interface Place {
  readonly stage: CopyKind | "finish" | "verify";
  readonly place: string | null;
  /** Copies of this stage up to here. */
  readonly rows: number;
}

export type Standing =
  | { readonly is: "serving" }
  | { readonly is: "leaving"; readonly id: string; readonly to: string }
  | { readonly is: "left"; readonly id: string; readonly to: string; readonly at: string }
  | { readonly is: "arriving"; readonly id: string; readonly from: string; readonly at: Place }
  | { readonly is: "arrived"; readonly id: string; readonly from: string };

export const serving: Standing = { is: "serving" };

export const beginning: Place = { stage: copyKinds[0], place: null, rows: 0 };

/** A fact has room for 1 KB. */
const shortened = (text: string): string => (text.length <= 300 ? text : `${text.slice(0, 297)}...`);

export function write(standing: Standing): string {
  const short = Object.entries(standing).map(([name, value]) => [
    name,
    name === "from" || name === "to" ? shortened(value as string) : value,
  ]);
  return JSON.stringify(Object.fromEntries(short));
}

export const read = (fact: string | null): Standing | null =>
  fact === null ? null : (JSON.parse(fact) as Standing);
