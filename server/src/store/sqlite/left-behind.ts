import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/**
 * What a data directory that isn't to be served from holds of a store: null when there is none, or one in which nobody
 * was ever sent anything, or nothing can be read there; else the fact of this name.
 */
export function factLeftBehind(directory: string, name: string): { readonly fact: string | null } | null {
  const file = join(directory, "carillon.db");
  if (!existsSync(file)) return null;
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(file, { readOnly: true });
    if (db.prepare("SELECT 1 FROM streams LIMIT 1").get() === undefined) return null;
    const row = db.prepare("SELECT value FROM facts WHERE name = ?").get(name);
    return { fact: (row as { value: string } | undefined)?.value ?? null };
  } catch {
    return null;
  } finally {
    db?.close();
  }
}
