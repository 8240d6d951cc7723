/** What is left to copy, from a place on. Pure. */
import { type CopyKind, copyKinds } from "../store/transfer.ts";
import type { Place } from "./standing.ts";

export interface Left {
  readonly kind: CopyKind;
  readonly after: string | null;
  /** Copied before. */
  readonly rows: number;
}

export function leftFrom({ stage, place, rows }: Place): readonly Left[] {
  if (stage === "finish" || stage === "verify") return [];
  const at = copyKinds.indexOf(stage);
  return copyKinds.slice(at).map((kind, ahead) => ({
    kind,
    after: ahead === 0 ? place : null,
    rows: ahead === 0 ? rows : 0,
  }));
}

/** Where to go on when the pages of `kind` up to `next` are in the target. */
export function placeBehind(kind: CopyKind, next: string | null, rows: number): Place {
  if (next !== null) return { stage: kind, place: next, rows };
  const following = copyKinds[copyKinds.indexOf(kind) + 1];
  return { stage: following ?? "finish", place: null, rows: 0 };
}
