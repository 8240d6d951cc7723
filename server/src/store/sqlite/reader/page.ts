import type { Names } from "../../directory.ts";

/** Of rows that were asked for with one more than the page holds. */
export const pageOf = <T>(rows: T[], limit: number, nameOf: (row: T) => string): Names<T> => {
  const items = rows.slice(0, limit);
  return { items, next: rows.length > limit ? nameOf(items.at(-1)!) : null };
};
