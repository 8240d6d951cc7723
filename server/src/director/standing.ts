import type { Place } from "../log/driver.ts";

/**
 * How the store stands with the log, in one part.
 * - `goes-on`: the store is where it was, or ahead of what was witnessed; read on from `from`.
 * - `replay`: the store is behind what was witnessed (it was restored), and the log still has the records: reading on
 *   from `from` gives them the same seqs again.
 * - `diverged`: records that the store doesn't have are gone from the log, or the log doesn't reach the place where
 *   the store stands. Whoever decides to go on does so from `from`, in a new epoch.
 */
export type Standing =
  | { readonly kind: "goes-on"; readonly from: string | null }
  | { readonly kind: "replay"; readonly from: string; readonly until: string }
  | { readonly kind: "diverged"; readonly from: string; readonly why: string };

/**
 * Pure. `next` is the store's place, null where it has none: it has read nothing, and stands at the log's beginning.
 * `place` is the log's own account; null where the log keeps no offsets.
 */
export function standingOf(next: string | null, place: Place | null): Standing {
  if (place === null) return { kind: "goes-on", from: next };
  const first = BigInt(place.first);
  const end = BigInt(place.end);
  const witnessed = place.witnessed === null ? null : BigInt(place.witnessed);
  const stands = next === null ? 0n : BigInt(next);
  if (stands > end) {
    return {
      kind: "diverged",
      from: place.end,
      why: `the store has read up to ${next}, but the log ends at ${place.end}: the log was replaced, or lost records`,
    };
  }
  if (stands < first) {
    const gone = `the store has read up to ${next ?? "nothing"}, but the log begins at ${place.first}`;
    return { kind: "diverged", from: place.first, why: `${gone}: the records between them are gone` };
  }
  if (witnessed !== null && stands < witnessed) {
    return { kind: "replay", from: next ?? place.first, until: place.witnessed! };
  }
  return { kind: "goes-on", from: next };
}
