/** Streams in ranges of some thousand rows, so that no comparison is long and none needs much memory. Pure. */
import type { Range, StreamCopy } from "../store/transfer.ts";

const rangeRows = 5_000;
const mostRanges = 1_000;

/** All ranges of the streams, in groups to be asked for at once; the last of a stream has no end. */
export function* rangesOf(streams: readonly Pick<StreamCopy, "name" | "head">[]): Generator<Range[]> {
  let group: Range[] = [];
  let rows = 0;
  for (const { name, head } of streams) {
    for (let after = 0; after === 0 || after < head; after += rangeRows) {
      const upTo = after + rangeRows;
      const here = Math.min(head, upTo) - after;
      if (group.length > 0 && (rows + here > rangeRows || group.length === mostRanges)) {
        yield group;
        group = [];
        rows = 0;
      }
      group.push({ stream: name, after, upTo: upTo >= head ? null : upTo });
      rows += here;
    }
  }
  if (group.length > 0) yield group;
}
