import { Failure } from "../../errors.ts";
import type { Channel } from "./channel.ts";
import type { CheckpointerCalls } from "./checkpointer/worker.ts";

/** So many new pages in the write-ahead log are worth copying: 8 MB. */
const worthPages = 2_000;

/**
 * Copies the write-ahead log in a thread of its own, so that no commit waits for it. A checkpoint that failed is
 * tried again after the next commit; until then the log is longer, and nothing is lost. A store that is hardly
 * written to never needs the thread.
 */
export function makeCheckpoints(checkpointer: Channel<CheckpointerCalls>, failed: (reason: unknown) => void) {
  let started = false;
  let underWay = false;
  let copied = 0;

  const checkpoint = async (): Promise<void> => {
    if (!started) await checkpointer.start();
    started = true;
    ({ copied } = (await checkpointer.call("checkpoint")).value);
  };

  return {
    grown(pages: number): void {
      if (pages < copied) copied = 0;
      if (underWay || pages - copied < worthPages) return;
      underWay = true;
      checkpoint()
        .catch((reason: unknown) => {
          if (!(reason instanceof Failure && reason.code === "stopped")) failed(reason);
        })
        .finally(() => {
          underWay = false;
        });
    },
  };
}
