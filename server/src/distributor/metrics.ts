import type { GapFrame } from "@carillon/protocol/frames";

/** What the distributor counts. Called once a run or an event, never once a byte. */
export interface DistributorMetrics {
  /** Notifications handed to a session. */
  pushed(count: number): void;
  /** To the end of the pass that pushed it: from its acceptance, and from its commit. */
  pushLatency(sinceAcceptMs: number, sinceCommitMs: number): void;
  gap(reason: GapFrame["reason"]): void;
  /** A session went back to catching up because it was slow. */
  slow(): void;
}

export const noMetrics: DistributorMetrics = { pushed() {}, pushLatency() {}, gap() {}, slow() {} };
