/** Remembers what a bus tells whoever runs it; tests wait for it. */
import type { BusEvents } from "../../src/bus/events.ts";

export function makeWitness() {
  const troubles: string[] = [];
  const dropped = { away: 0, full: 0, size: 0, unreadable: 0 };
  let recoveries = 0;
  let waiting: { holds: () => boolean; resolve: () => void }[] = [];

  const look = (): void => {
    const held = waiting.filter(({ holds }) => holds());
    waiting = waiting.filter((one) => !held.includes(one));
    for (const { resolve } of held) resolve();
  };

  const events: BusEvents = {
    troubled(server, problem) {
      troubles.push(`${server}: ${problem}`);
      look();
    },
    recovered() {
      recoveries++;
      look();
    },
    dropped(count, why) {
      dropped[why] += count;
      look();
    },
  };

  return {
    events,
    troubles,
    dropped,
    recoveries: () => recoveries,
    /** Resolves when it holds, now or after something was told. */
    until: (holds: () => boolean): Promise<void> =>
      holds() ? Promise.resolve() : new Promise((resolve) => waiting.push({ holds, resolve })),
  };
}
