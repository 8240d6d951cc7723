/**
 * Files that are read again while the process runs. Looked at in their content every few seconds: notifications by the
 * file system miss what platforms do with links, and a certificate has days.
 */
import { readFile } from "node:fs/promises";
import type { Clock } from "./clock.ts";
import type { Service } from "./lifecycle.ts";

export interface FileWatch extends Service {
  /** Looks now. */
  look(): Promise<void>;
}

export interface FileWatchOptions {
  readonly name: string;
  readonly paths: readonly string[];
  /** What they held when they were read first. */
  readonly texts: readonly string[];
  readonly clock: Pick<Clock, "after">;
  readonly everyMs?: number;
  /** They hold something else. False: it is of no use, and they are looked at again. */
  readonly changed: (texts: readonly string[]) => boolean;
  /** They can't be read, or are of no use. */
  readonly failed: (reason: unknown) => void;
}

export const readAll = (paths: readonly string[]): Promise<string[]> =>
  Promise.all(paths.map((path) => readFile(path, "utf8")));

export function watchFiles({ name, paths, clock, everyMs = 5_000, ...options }: FileWatchOptions): FileWatch {
  let texts = options.texts;
  let cancel = (): void => {};
  let isStopped = false;

  async function look(): Promise<void> {
    try {
      const next = await readAll(paths);
      if (next.every((text, at) => text === texts[at])) return;
      if (options.changed(next)) texts = next;
      else options.failed(new Error(`${paths.join(" and ")} can't be used as they are now`));
    } catch (reason) {
      options.failed(reason);
    }
  }

  function again(): void {
    cancel = clock.after(everyMs, () => void look().then(() => isStopped || again()));
  }

  return {
    name,
    look,
    start: async () => again(),
    async stop() {
      isStopped = true;
      cancel();
    },
  };
}
