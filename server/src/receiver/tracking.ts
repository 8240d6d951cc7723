/**
 * Where a notification is, and taking it back, by its identity in one stream.
 */
import type { StreamName } from "@carillon/protocol/stream";
import type { BusDriver } from "../bus/driver.ts";
import type { Clock } from "../clock.ts";
import type { PositionsDriver } from "../store/positions.ts";
import { Kind, type StreamsDriver } from "../store/streams.ts";
import { identityKey } from "./identity.ts";

export interface Status {
  readonly seq: number;
  readonly state: "stored" | "expired" | "gone";
  /** In milliseconds since the epoch, both. */
  readonly storedAt: number;
  readonly expiresAt: number | null;
  /** Who has it, the first 100 of them; null when it asked for no receipt. */
  readonly received: {
    readonly total: number;
    readonly users: readonly { user: string; at: number }[];
  } | null;
}

export interface Tracking {
  /** Null when unknown in that stream, or no longer kept. Rejects as the store does. */
  find(to: StreamName, source: string, id: string): Promise<Status | null>;
  /**
   * Leaves a tombstone in its place and tells the sessions that have it on their way. The same again changes
   * nothing. Null when unknown in that stream, or no longer kept. Durable when resolved.
   */
  takeBack(to: StreamName, source: string, id: string): Promise<{ readonly seq: number } | null>;
}

const receiptsMost = 100;

export function openTracking(
  streams: Pick<StreamsDriver, "find" | "withdraw">,
  positions: Pick<PositionsDriver, "receipts">,
  bus: Pick<BusDriver, "publish">,
  clock: Pick<Clock, "now">,
): Tracking {
  return {
    async find(to, source, id) {
      const found = await streams.find(to, identityKey(source, id));
      if (found === null) return null;
      const { seq, kind, createdAt: storedAt, expiresAt, receipt } = found;
      const expired = expiresAt !== null && expiresAt <= clock.now();
      const state = expired ? "expired" : kind === Kind.tombstone ? "gone" : "stored";
      const received = receipt ? await positions.receipts(to, seq, receiptsMost) : null;
      return { seq, state, storedAt, expiresAt, received };
    },
    async takeBack(to, source, id) {
      const withdrawn = await streams.withdraw(to, identityKey(source, id));
      if (withdrawn === null) return null;
      bus.publish([{ type: "withdrawn", stream: to, ...withdrawn }]);
      return { seq: withdrawn.seq };
    },
  };
}
