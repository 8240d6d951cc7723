/**
 * The people port: what the application keeps about a user.
 *
 * Contract for drivers: durable when resolved; reads that begin afterwards, in whatever process, see it. Concurrent
 * calls are allowed; each is atomic. Failures are those of the streams port.
 *
 * What a change makes of a state is decided above (`state.ts`), from what was read; so a write names the version that
 * it was made from, and changes nothing where the state is another by then.
 */
export interface KeptState {
  /** 0 where none was ever kept; each write raises it by one. */
  readonly version: number;
  /** An object as JSON text; `{}` where none was ever kept. At most 16 KB in UTF-8. */
  readonly state: string;
}

export interface PeopleDriver {
  state(user: string): Promise<KeptState>;
  /**
   * Replaces the state where its version is `version` still, and raises the `rev` of the user's stream in the same
   * commit: answers with that rev. Null, and nothing changed, where it is another.
   */
  putState(user: string, state: string, version: number): Promise<{ readonly rev: number } | null>;
}

export const noState: KeptState = { version: 0, state: "{}" };
