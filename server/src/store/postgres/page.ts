import type { Names } from "../directory.ts";

/**
 * The first `limit` of what the servers have, each asked for one more than that. A name that two servers have, while
 * its part changes from one to the other, is told once.
 */
export function pageOf<T>(
  pages: readonly (readonly T[])[],
  limit: number,
  nameOf: (item: T) => string,
): Names<T> {
  const byName = new Map(pages.flat().map((item) => [nameOf(item), item]));
  const merged =
    pages.length === 1 ? pages[0]! : [...byName.values()].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  const items = merged.slice(0, limit);
  return { items, next: merged.length > limit ? nameOf(items.at(-1)!) : null };
}
