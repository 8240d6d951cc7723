/**
 * The coordination port: what the processes that share a store agree on, and who of them does what.
 *
 * Contract for drivers: durable when resolved; a read that begins afterwards sees it; concurrent calls of any
 * processes are allowed and each is atomic. Times are the backend's clock. Failures are those of the streams port.
 *
 * A lease saves double work; it is no lock. Its holder may be frozen and go on after the lease has passed to
 * another: what must not happen twice is fenced where it is written (`progress` in `StreamsDriver.apply`).
 */

/** Names are 1 to 128 characters of printable ASCII. */
export interface Lease {
  readonly name: string;
  /** Unique to a run of a process. */
  readonly owner: string;
}

export interface CoordinationDriver {
  /** Keeps a fact of at most 1 KB unless one of this name is kept already; answers with what is kept now. */
  agree(name: string, value: string): Promise<string>;
  /** Replaces a fact, or makes it. */
  amend(name: string, value: string): Promise<void>;

  /**
   * Takes or renews leases of at most 1,000 names for `ttlMs` (1 s to 10 min) from now. Answers with the names that
   * `owner` holds then: those that were free, had run out, or were its own. The rest stay with whom they are.
   */
  claim(owner: string, names: readonly string[], ttlMs: number): Promise<readonly string[]>;
  /** Lets go of what `owner` holds of these. */
  release(owner: string, names: readonly string[]): Promise<void>;
  /** Leases that haven't run out and whose names begin with `prefix`, ascending by name; at most 10,000. */
  leases(prefix: string): Promise<readonly Lease[]>;

  /**
   * Begins a new epoch and answers with it: seqs told before mean nothing any more, clients get a `gap`. For a
   * store that went back in time and can't be brought forward again.
   */
  beginEpoch(): Promise<number>;
  /**
   * Sets a part's place in its log, forwards or back, whatever it was: the way out when the log was replaced, or the
   * store restored and the log's records are gone. Everybody else uses `apply`.
   */
  setProgress(part: number, next: string): Promise<void>;
}
