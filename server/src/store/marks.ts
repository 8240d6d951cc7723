/**
 * What becomes of a mark. A pure decision, the same for every backend: what is marked is a set of seqs, kept as a
 * place and the single ones that differ from it.
 */
import { limits } from "@carillon/protocol/limits";
import type { Mark, MarkKind } from "@carillon/protocol/marks";

/** How kinds are stored. */
export const markCodes: { readonly [K in MarkKind]: number } = { read: 0, archive: 1, seen: 2 };

export const markKindOf = (code: number): MarkKind =>
  (Object.keys(markCodes) as MarkKind[]).find((kind) => markCodes[kind] === code)!;

export const unmarked: Mark = { upTo: 0, except: [] };

/** Most marks have nothing single, many are nothing: those share, because sessions keep them. */
export const markOf = (upTo: number, except: readonly number[]): Mark => {
  if (except.length > 0) return { upTo, except };
  return upTo === 0 ? unmarked : { upTo, except: unmarked.except };
};

/** What there is to mark: seqs beyond `floor` (not kept, or from before the user followed) and up to `head`. */
export interface Extent {
  readonly floor: number;
  readonly head: number;
}

/** `upTo` beyond the head means the head. */
export type OneChange =
  | { readonly upTo: number }
  | { readonly seqs: readonly number[]; readonly undo: boolean };

/** Null: nothing moved. "full": there would be more single ones than a mark holds. */
export function changeMark(mark: Mark, change: OneChange, { floor, head }: Extent): Mark | "full" | null {
  const single = new Set(mark.except.filter((seq) => seq > floor));
  let { upTo } = mark;
  let moved = false;

  if ("upTo" in change) {
    const to = Math.min(change.upTo, head);
    const passed = [...single].filter((seq) => seq <= to);
    for (const seq of passed) single.delete(seq);
    moved = to > upTo || passed.length > 0;
    upTo = Math.max(upTo, to);
  } else {
    for (const seq of change.seqs) {
      if (seq <= floor || seq > head) continue;
      const differs = seq <= upTo === change.undo;
      if (single.has(seq) === differs) continue;
      if (differs) single.add(seq);
      else single.delete(seq);
      moved = true;
    }
  }
  if (!moved) return null;

  for (let next = Math.max(upTo, floor) + 1; single.delete(next); next++) upTo = next;
  while (single.delete(upTo)) upTo--;
  if (single.size > limits.marks) return "full";
  return { upTo, except: [...single].sort((one, other) => one - other) };
}
