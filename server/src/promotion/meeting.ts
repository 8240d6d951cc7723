/** What may be done with a source and a target that stand so. Pure. */
import type { Counts } from "../store/transfer.ts";
import { beginning, type Place, type Standing } from "./standing.ts";

export interface Side {
  readonly name: string;
  readonly standing: Standing | null;
}

export interface Meeting {
  readonly source: Side;
  readonly target: Side & { readonly counts: Counts };
  /** Of a new promotion. */
  readonly id: string;
  /** The source is given up for the target; else the target is a copy. */
  readonly moves: boolean;
}

export type Verdict =
  | { readonly go: "copy"; readonly id: string; readonly from: Place }
  /** It was done before. */
  | { readonly go: "nowhere"; readonly why: string }
  | { readonly go: "no"; readonly why: string };

const no = (why: string): Verdict => ({ go: "no", why });

export function meet({ source, target, id, moves }: Meeting): Verdict {
  const from = source.standing;
  const into = target.standing;
  if (from?.is === "arriving") {
    return no(`${source.name} holds only a part of ${from.from}; finish that promotion first`);
  }
  if (moves && from?.is === "left") {
    const same = into !== null && "id" in into && into.id === from.id;
    if (into?.is === "arriving" && same) return { go: "copy", id: from.id, from: into.at };
    const why = `${source.name} was promoted to ${from.to} on ${from.at}, and that was compared`;
    return into?.is === "serving" || (into?.is === "arrived" && same) ? { go: "nowhere", why } : no(why);
  }
  if (into?.is === "arriving") {
    const same = from?.is === "leaving" && from.id === into.id;
    if (moves && same) return { go: "copy", id: into.id, from: into.at };
    return no(
      `${target.name} holds a part of ${into.from}, from a promotion that can't go on` +
        `${into.from === source.name ? ": the source was served, or promoted elsewhere, since" : " with this source"}. ` +
        "Take an empty database or directory",
    );
  }
  if (into !== null) {
    return no(`${target.name} is in use: it ${said(into)}. Take an empty database or directory`);
  }
  if (Object.values(target.counts).some((count) => count > 0)) {
    return no(`${target.name} holds data already. Take an empty database or directory`);
  }
  return { go: "copy", id, from: beginning };
}

function said(standing: Standing): string {
  switch (standing.is) {
    case "arrived":
      return `holds all of ${standing.from}`;
    case "left":
      return `was promoted to ${standing.to}`;
    case "leaving":
      return `is being promoted to ${standing.to}`;
    default:
      return "was served";
  }
}
