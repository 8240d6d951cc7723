import type { CursorEntry } from "@carillon/protocol/cursor";
import type { StreamName } from "@carillon/protocol/stream";
import type { Clock } from "../clock.ts";
import type { Acknowledgement, DevicePosition, PositionsDriver } from "../store/positions.ts";
import { moveDevice } from "./device-place.ts";

/**
 * What readers say that they have: receipts for the producers that asked, and the places of named devices.
 * Both are gathered and stored in batches. Neither is needed for delivery: where a client stands travels with
 * the client, in its cursor.
 */
export interface Acks {
  /** The user has the stream up to this seq, as far as receipts go. Stored within `flushMs`. */
  received(user: string, stream: StreamName, upTo: number): void;
  /** Where a named device stands. Stored within `flushMs`; the newest wins. */
  device(user: string, device: string, cursor: string): void;
  /** The same for one stream alone: where it stands in others stays as it is. Rejects as the store does. */
  deviceIn(user: string, device: string, place: CursorEntry): Promise<void>;
  /** What waits to be stored of a user isn't any more. */
  forget(user: string): void;
  start(): void;
  /** Stores what is left. */
  stop(): Promise<void>;
}

const flushMs = 1_000;
const retryMs = 5_000;
const batchMost = 1_000;
const waitingMost = 100_000;

export function makeAcks(positions: PositionsDriver, clock: Clock): Acks {
  const receipts = new Map<string, Acknowledgement>();
  const devices = new Map<string, DevicePosition>();
  let cancel: (() => void) | null = null;
  let started = false;
  let flushing: Promise<boolean> | null = null;

  function schedule(delayMs: number): void {
    if (!started || cancel !== null) return;
    cancel = clock.after(delayMs, () => {
      cancel = null;
      void flush().then((stored) => {
        if (receipts.size > 0 || devices.size > 0) schedule(stored ? flushMs : retryMs);
      });
    });
  }

  function flush(): Promise<boolean> {
    flushing ??= store().finally(() => {
      flushing = null;
    });
    return flushing;
  }

  async function store(): Promise<boolean> {
    try {
      while (receipts.size > 0 || devices.size > 0) {
        const some = [...receipts].slice(0, batchMost);
        const places = [...devices].slice(0, batchMost);
        if (some.length > 0) await positions.acknowledge(some.map(([, one]) => one));
        if (places.length > 0) await positions.saveDevices(places.map(([, one]) => one));
        forget(receipts, some);
        forget(devices, places);
      }
      return true;
    } catch {
      return false;
    }
  }

  /** What was replaced while it was being stored stays for the next round. */
  function forget<T>(from: Map<string, T>, stored: readonly (readonly [string, T])[]): void {
    for (const [key, value] of stored) if (from.get(key) === value) from.delete(key);
  }

  const acks: Acks = {
    received(user, stream, upTo) {
      const key = `${user} ${stream}`;
      const known = receipts.get(key);
      if (known !== undefined && known.upTo >= upTo) return;
      if (known === undefined && receipts.size >= waitingMost) return;
      receipts.set(key, { user, stream, upTo });
      schedule(flushMs);
    },
    device(user, device, cursor) {
      const key = `${user} ${device}`;
      if (!devices.has(key) && devices.size >= waitingMost) return;
      devices.set(key, { user, device, cursor });
      schedule(flushMs);
    },
    async deviceIn(user, device, place) {
      const waiting = () => devices.get(`${user} ${device}`)?.cursor;
      const stored = waiting() ?? (await positions.findDevice(user, device));
      acks.device(user, device, moveDevice(waiting() ?? stored, place));
    },
    forget(user) {
      for (const waiting of [receipts, devices])
        for (const key of waiting.keys()) if (key.startsWith(`${user} `)) waiting.delete(key);
    },
    start() {
      started = true;
    },
    async stop() {
      started = false;
      cancel?.();
      cancel = null;
      if (flushing !== null) await flushing;
      await flush();
    },
  };
  return acks;
}
