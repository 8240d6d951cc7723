import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { Failure } from "../../errors.ts";
import { lockDirectory } from "./lock.ts";

const lockFile = "lock.db";

function syncPath(path: string): void {
  const opened = openSync(path, "r");
  try {
    fsyncSync(opened);
  } finally {
    closeSync(opened);
  }
}

function mustBeFree(directory: string): void {
  if (existsSync(directory) && readdirSync(directory).length > 0)
    throw new Failure(
      "unusable",
      `${directory} isn't empty; name a directory that is, or that doesn't exist`,
    );
}

/**
 * Makes a directory that is there whole or not at all: it is filled under another name beside it, `<name>.partial`, and
 * renamed at the end. What an interrupted run left is taken over by the next. Rejects with a Failure: `unusable` where
 * there is something already, `locked` while somebody else is making it.
 */
export async function makeWholeDirectory<T>(
  directory: string,
  fill: (partial: string) => Promise<T>,
): Promise<T> {
  mustBeFree(directory);
  const partial = `${directory}.partial`;
  mkdirSync(partial, { recursive: true, mode: 0o700 });
  const lock = lockDirectory(join(partial, lockFile));
  try {
    for (const name of readdirSync(partial))
      if (name !== lockFile) rmSync(join(partial, name), { recursive: true });
    const filled = await fill(partial);
    rmSync(join(partial, lockFile));
    for (const name of readdirSync(partial)) syncPath(join(partial, name));
    syncPath(partial);
    mustBeFree(directory);
    rmSync(directory, { recursive: true, force: true });
    renameSync(partial, directory);
    syncPath(dirname(directory));
    return filled;
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    throw error;
  } finally {
    lock.release();
  }
}
