/**
 * Newline-delimited JSON: one JSON text a line; lines end in LF or CR LF, blank ones are skipped, the last one
 * needs no end.
 */

export interface NdjsonItem {
  /** Counted from 1, blank lines included. */
  readonly line: number;
  readonly text: string;
}

/** At most `itemsMax` items; null when there are more. */
export const splitNdjson = (body: string, itemsMax: number): readonly NdjsonItem[] | null => {
  const items: NdjsonItem[] = [];
  let line = 1;
  for (let start = 0; start < body.length; line++) {
    const found = body.indexOf("\n", start);
    const end = found < 0 ? body.length : found;
    const text = body.slice(start, end).trim();
    if (text !== "") {
      if (items.length === itemsMax) return null;
      items.push({ line, text });
    }
    start = end + 1;
  }
  return items;
};
