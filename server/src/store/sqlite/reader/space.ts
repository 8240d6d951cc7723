import type { DatabaseSync } from "node:sqlite";
import type { Space } from "../../retention.ts";

export function makeSpaceReads(db: DatabaseSync) {
  const oldest = db.prepare("SELECT created_at AS at FROM notifications ORDER BY id LIMIT 1");
  const pages = db.prepare(
    `SELECT page_count * page_size AS sizeBytes, freelist_count * page_size AS freeBytes
     FROM pragma_page_count, pragma_page_size, pragma_freelist_count`,
  );

  return {
    space(): Space {
      const { sizeBytes, freeBytes } = pages.get() as { sizeBytes: number; freeBytes: number };
      return { oldestAt: (oldest.get() as { at: number } | undefined)?.at ?? null, sizeBytes, freeBytes };
    },
  };
}
