/** A cursor in a file: whole or not at all, and written once a turn however many notifications it brought. */
import { readFileSync, renameSync, writeFileSync } from "node:fs";

export interface CursorFile {
  /** Null where there is no file yet. */
  read(): string | null;
  keep(cursor: string): void;
  /** Writes what is kept, now. */
  write(): void;
}

export function makeCursorFile(file: string): CursorFile {
  let kept: string | null = null;
  const write = () => {
    if (kept === null) return;
    const draft = `${file}.new`;
    writeFileSync(draft, `${kept}\n`);
    renameSync(draft, file);
    kept = null;
  };
  return {
    read() {
      try {
        return readFileSync(file, "utf8").trim() || null;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
        throw error;
      }
    },
    keep(cursor) {
      if (kept === null) setImmediate(write);
      kept = cursor;
    },
    write,
  };
}
