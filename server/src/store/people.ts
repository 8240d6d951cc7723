/**
 * The people port: what the application keeps about a user, and the erasing of one.
 *
 * Contract for drivers: durable when resolved; reads that begin afterwards, in whatever process, see it. Concurrent
 * calls are allowed; each is atomic. Failures are those of the streams port.
 *
 * What a change makes of a state is decided above (`state.ts`), from what was read; so a write names the version that
 * it was made from, and changes nothing where the state is another by then.
 */
import type { StreamName } from "@carillon/protocol/stream";
import type { Touched } from "./directory.ts";

export interface KeptState {
  /** 0 where none was ever kept; each write raises it by one. */
  readonly version: number;
  /** An object as JSON text; `{}` where none was ever kept. At most 16 KB in UTF-8. */
  readonly state: string;
}

/** One bounded step of erasing, for whoever tells the bus. */
export interface ErasureStep extends Touched {
  /** Nothing is left to be erased. */
  readonly done: boolean;
  /** What the user had sent and is taken back. */
  readonly withdrawn: readonly { readonly stream: StreamName; readonly seq: number; readonly rev: number }[];
}

export interface PeopleDriver {
  state(user: string): Promise<KeptState>;
  /**
   * Replaces the state where its version is `version` still, and raises the `rev` of the user's stream in the same
   * commit: answers with that rev. Null, and nothing changed, where it is another.
   */
  putState(user: string, state: string, version: number): Promise<{ readonly rev: number } | null>;

  /**
   * Erases a user as far as one short commit goes: their stream takes a random name and is empty for every reader; their
   * marks, devices, state and subscriptions are gone, and revocations of their tokens. `topicsTo`: the owner who gets
   * their topics; null: they are deleted. Answers with the time of it: what was accepted before is stored no more, where
   * the log keeps offsets. What comes later for this id goes to a new stream whose seqs and rev go on where the old one's
   * ended, so that no cursor and no hub ever takes one for the other. Repeatable: it begins anew.
   */
  beginErasing(user: string, topicsTo: string | null): Promise<{ readonly at: number }>;
  /**
   * One step of what was begun, of whomever, about `limit` rows (1 to 10,000): rows of the old stream, receipts, grants,
   * topics, and what the user sent to others, which becomes tombstones. It is remembered until it is done, over restarts;
   * `upkeep` goes on with it too.
   */
  continueErasing(limit: number): Promise<ErasureStep>;
}

export const noState: KeptState = { version: 0, state: "{}" };
