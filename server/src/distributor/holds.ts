import type { StreamName } from "@carillon/protocol/stream";
import type { Hub } from "./hub.ts";
import type { Hubs } from "./hubs.ts";

/** Hubs that a feed holds before its followers do: where it comes to nothing, all are let go, the late ones too. */
export interface Holds {
  /** As `acquire` of the hubs. */
  hold(stream: StreamName): Promise<Hub>;
  /** From here on they are held by somebody else. */
  handOver(): void;
  letGo(): void;
}

export function makeHolds(hubs: Hubs): Holds {
  const held: Hub[] = [];
  let over = false;
  return {
    async hold(stream) {
      const hub = await hubs.acquire(stream);
      if (over) hubs.release(hub);
      else held.push(hub);
      return hub;
    },
    handOver() {
      held.length = 0;
    },
    letGo() {
      over = true;
      for (const hub of held.splice(0)) hubs.release(hub);
    },
  };
}
