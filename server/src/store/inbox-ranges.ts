/** Which seqs of a stream an inbox may show, by what its user has marked. A pure decision, the same for every backend. */
import type { Mark } from "@carillon/protocol/marks";
import type { InboxFilter } from "./queries.ts";

/** From `low` to `high`, both of it. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

type Marks = { readonly read: Mark; readonly archive: Mark };

/** The newest first, and none touches another: seqs behind `floor`, up to `from`. */
export function rangesOf(
  { unread, archived }: Pick<InboxFilter, "unread" | "archived">,
  { read, archive }: Marks,
  floor: number,
  from: number,
): Range[] {
  if (from <= floor) return [];
  const isRead = askOf(read);
  const isArchived = askOf(archive);
  const shows = (seq: number): boolean => {
    if (unread && (isRead(seq) || isArchived(seq))) return false;
    return archived === "with" || isArchived(seq) === (archived === "only");
  };
  const edges = new Set([from]);
  for (const { upTo, except } of unread ? [read, archive] : [archive]) {
    edges.add(upTo);
    for (const seq of except) edges.add(seq).add(seq - 1);
  }
  const highs = [...edges].filter((seq) => seq > floor && seq <= from).sort((one, other) => other - one);
  const ranges: Range[] = [];
  highs.forEach((high, at) => {
    if (!shows(high)) return;
    const low = (highs[at + 1] ?? floor) + 1;
    const above = ranges.at(-1);
    if (above?.low === high + 1) ranges[ranges.length - 1] = { low, high: above.high };
    else ranges.push({ low, high });
  });
  return ranges;
}

function askOf({ upTo, except }: Mark): (seq: number) => boolean {
  const single = new Set(except);
  return (seq) => seq <= upTo !== single.has(seq);
}
