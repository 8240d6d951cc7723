/**
 * Erases users. Their tokens go first, so that nobody comes back with one; then what is found by their stream, at once;
 * what takes longer goes on by upkeep, over restarts too.
 */
import { type Problem, problem } from "@carillon/protocol/problems";
import type { Revocations } from "../access/revocations.ts";
import { type BusDriver, type BusMessage, everywhere } from "../bus/driver.ts";
import type { Clock } from "../clock.ts";
import { hashOfUser } from "../store/erasing.ts";
import type { ErasureStep, PeopleDriver } from "../store/people.ts";

export interface Erasing {
  /**
   * `topicsTo`: the owner who gets the user's topics; null: they are deleted. `done`: nothing is left; `goes on`: what
   * was theirs is shown to nobody any more, and the rest goes. All rejects as the store does; then it is repeated.
   */
  erase(user: string, topicsTo: string | null): Promise<"done" | "goes on" | Problem>;
}

export interface ErasingDeps {
  readonly people: Pick<PeopleDriver, "beginErasing" | "continueErasing">;
  readonly revocations: Pick<Revocations, "revoke">;
  readonly bus: Pick<BusDriver, "publish">;
  readonly clock: Pick<Clock, "now">;
}

const stepRows = 1_000;
/** For as long as this a request waits. */
const patienceMs = 1_000;

const messagesOf = ({ withdrawn, changed }: ErasureStep): BusMessage[] => [
  ...withdrawn.map((one): BusMessage => ({ type: "withdrawn", ...one })),
  ...changed.map((one): BusMessage => ({ type: "changed", ...one })),
];

export function openErasing({ people, revocations, bus, clock }: ErasingDeps): Erasing {
  return {
    async erase(user, topicsTo) {
      // Up, so that a token of this very millisecond is among them.
      const issuedBefore = Math.ceil(clock.now()) + 1;
      const kept = await revocations.revoke({ user: hashOfUser(user), tokenId: null, issuedBefore });
      if (kept === null) return tooMany;
      await people.beginErasing(user, topicsTo);
      bus.publish([{ type: "erased", stream: everywhere, user }]);
      const until = clock.now() + patienceMs;
      do {
        const step = await people.continueErasing(stepRows);
        const messages = messagesOf(step);
        if (messages.length > 0) bus.publish(messages);
        if (step.done) return "done";
      } while (clock.now() < until);
      return "goes on";
    },
  };
}

const tooMany = problem(
  "revocations-too-many",
  "the user's tokens can't be revoked; revoke everybody's by time of issue",
);
