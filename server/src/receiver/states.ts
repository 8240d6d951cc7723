/** What the application keeps about its users: read and changed here, told to all of the user's sessions. */
import { type Problem, problem } from "@carillon/protocol/problems";
import { userStream } from "@carillon/protocol/stream";
import type { BusDriver } from "../bus/driver.ts";
import type { KeptState, PeopleDriver } from "../store/people.ts";
import { changedState, type StateChange } from "../store/state.ts";

/** All reject as the people port does. */
export interface States {
  read(user: string): Promise<KeptState>;
  /**
   * Durable when resolved. `isMeant` says of the version that there is whether it is the one to be changed; where it
   * isn't, or the change can't be, a problem, and nothing was changed. A change that changes nothing raises no version.
   */
  change(
    user: string,
    change: StateChange,
    isMeant: (version: number) => boolean,
  ): Promise<KeptState | Problem>;
}

export function openStates(
  people: Pick<PeopleDriver, "state" | "putState">,
  bus: Pick<BusDriver, "publish">,
): States {
  return {
    read: (user) => people.state(user),

    /** Ends: somebody else's change came in between each time it begins again. */
    async change(user, change, isMeant) {
      for (;;) {
        const { version, state: before } = await people.state(user);
        if (!isMeant(version)) return isAnother(version);
        const state = changedState(before, change);
        if (typeof state !== "string") return state;
        if (state === before) return { version, state };
        const put = await people.putState(user, state, version);
        if (put === null) continue;
        bus.publish([{ type: "changed", stream: userStream(user), rev: put.rev }]);
        return { version: version + 1, state };
      }
    },
  };
}

const isAnother = (version: number): Problem =>
  problem("precondition-failed", `the state's version is ${version}`);
