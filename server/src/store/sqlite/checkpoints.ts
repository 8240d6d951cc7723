import type { Channel } from "./channel.ts";
import type { CheckpointerCalls } from "./checkpointer/worker.ts";

/** So many new pages in the write-ahead log are worth copying: 8 MB. */
const worthPages = 2_000;

/**
 * Copies the write-ahead log in a thread of its own, so that no commit waits for it. A checkpoint that failed is
 * tried again after the next commit; until then the log is longer, and nothing is lost.
 */
export function makeCheckpoints(checkpointer: Channel<CheckpointerCalls>, failed: (reason: unknown) => void) {
  let underWay = false;
  let copied = 0;

  return {
    grown(pages: number): void {
      if (pages < copied) copied = 0;
      if (underWay || pages - copied < worthPages) return;
      underWay = true;
      checkpointer
        .call("checkpoint")
        .then(({ value }) => {
          copied = value.copied;
        }, failed)
        .finally(() => {
          underWay = false;
        });
    },
  };
}
