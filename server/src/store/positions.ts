/**
 * The positions port: what the server stores of readers.
 *
 * Contract for drivers: durable when resolved; reads that begin afterwards see it. Failures are those of the
 * streams port. Writes are batched by the caller.
 */
import type { StreamName } from "@carillon/protocol/stream";

export interface DevicePosition {
  readonly user: string;
  /** A name of the client's choosing, 1 to 64 characters. */
  readonly device: string;
  /** The cursor token up to which the device has acknowledged. */
  readonly cursor: string;
}

/** A user has a stream's notifications up to and including `upTo`. */
export interface Acknowledgement {
  readonly user: string;
  readonly stream: StreamName;
  readonly upTo: number;
}

export interface PositionsDriver {
  /** Replaces the positions of at most 1,000 devices. A user keeps at most 32 devices; the longest unseen goes. */
  saveDevices(positions: readonly DevicePosition[]): Promise<void>;
  findDevice(user: string, device: string): Promise<string | null>;
  /**
   * Records a receipt for each row up to `upTo` that asked for one (`receipt`) and that the user hasn't
   * acknowledged before; for a topic only rows behind the user's `since`. At most 1,000 acknowledgements.
   */
  acknowledge(acknowledgements: readonly Acknowledgement[]): Promise<void>;
  /** Who has received a notification: how many, and at most `limit` of them, the first first. */
  receipts(
    stream: StreamName,
    seq: number,
    limit: number,
  ): Promise<{
    readonly total: number;
    readonly users: readonly { readonly user: string; readonly at: number }[];
  }>;
}
