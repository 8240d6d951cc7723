import type { DatabaseSync } from "node:sqlite";
import type { Only } from "../../directory.ts";

/** The topic's number; null where there is none such as it has to be. */
export function idOf(db: DatabaseSync): (topic: string, only: Only | null) => number | null {
  const find = db.prepare("SELECT stream_id AS id, owner, subscribe FROM topics WHERE name = ?");
  return (topic, only) => {
    const row = find.get(topic) as { id: number; owner: string; subscribe: string } | undefined;
    if (row === undefined) return null;
    const fits = only === null || row.owner === only.owner || (only.orOpen && row.subscribe === "open");
    return fits ? row.id : null;
  };
}
