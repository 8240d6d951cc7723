import type { BusEvents } from "./events.ts";

/** What is told of one server, from how each of its two connections does. */
export interface Standing {
  well(connection: "subscriber" | "publisher"): void;
  wrong(connection: "subscriber" | "publisher", problem: string): void;
}

/** Told once when it changes: the problem of one of them, or that both can be used. */
export function makeStanding(server: string, events: BusEvents): Standing {
  const problems = new Map<string, string | null>();
  let told: string | null = "";

  function tell(): void {
    const known = [...problems.values()];
    const problem = known.find((one) => one !== null) ?? (known.length === 2 ? null : told);
    if (problem === told) return;
    told = problem;
    if (problem === null) events.recovered(server);
    else events.troubled(server, problem);
  }

  return {
    well(connection) {
      problems.set(connection, null);
      tell();
    },
    wrong(connection, problem) {
      problems.set(connection, problem);
      tell();
    },
  };
}
