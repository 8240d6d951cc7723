/**
 * The retention port: what is old goes, and its space with it.
 *
 * Contract for drivers. Failures and time are those of the streams port; what a step did is durable when it resolves.
 *
 * - **Prefixes.** Of each stream the oldest rows go, and `first` rises past them in the same commit or before: what is
 *   kept stays contiguous, the head stays, and unread is counted from what is kept.
 * - **By age alone.** A row goes when it was stored more than `keepMs` ago, never earlier; `keepMs` is at least the
 *   identity window. A backend may keep it longer: up to twice the identity window, and until a whole day can go at once.
 * - **What belonged to it goes.** Receipts that are older than all that is kept, and set aside records as old.
 * - **Bounded.** A step takes a few milliseconds of what accepts notifications, and finds its rows without a scan.
 *   Several processes may take steps at once; each does what no other has.
 */
export interface Retained {
  /** Rows that this step removed from their streams. */
  readonly removed: number;
  /** Nothing is left to do for now. */
  readonly done: boolean;
}

export interface Space {
  /** When the oldest kept row was stored, or a time before; null when there is none. */
  readonly oldestAt: number | null;
  /** What the data takes, what is free within it included. */
  readonly sizeBytes: number;
  /** What could be given back to the system; 0 where the backend sees to that itself. */
  readonly freeBytes: number;
}

export interface RetentionDriver {
  /** One step of removing what was stored more than `keepMs` ago, of at most `limit` rows or streams (1 to 10,000). */
  retain(keepMs: number, limit: number): Promise<Retained>;
  /**
   * One step of giving free space back to the system, about `mostBytes` at most; says how much it gave, 0 at the end.
   * `worthwhile` leaves what traffic will soon use again.
   */
  giveBack(mostBytes: number, which: "worthwhile" | "all"): Promise<number>;
  space(): Promise<Space>;
}
