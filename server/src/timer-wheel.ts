import type { Clock } from "./clock.ts";

/**
 * One timer for everything that waits: heartbeats, token expiry, lingering hubs. Entries fall due at a whole
 * tick, at most one tick late. Adding and removing take constant time and keep no closure or timer per entry.
 */
export interface WheelEntry {
  /** Called when due; the answer is the number of milliseconds until the next time, 0 for never. */
  due(now: number): number;
  /** Of the wheel: where the entry sits. */
  wheelSlot: number;
  wheelIndex: number;
  wheelDueAt: number;
}

export interface TimerWheel {
  start(): void;
  stop(): void;
  add(entry: WheelEntry, delayMs: number): void;
  remove(entry: WheelEntry): void;
  size(): number;
}

export const notOnWheel = -1;

export function makeTimerWheel(clock: Clock, tickMs: number, slotCount = 128): TimerWheel {
  const slots: WheelEntry[][] = Array.from({ length: slotCount }, () => []);
  let position = 0;
  let cancel: (() => void) | null = null;
  let count = 0;

  function put(entry: WheelEntry, delayMs: number): void {
    const ticks = Math.min(Math.max(1, Math.ceil(delayMs / tickMs)), slotCount - 1);
    entry.wheelSlot = (position + ticks) % slotCount;
    const slot = slots[entry.wheelSlot] as WheelEntry[];
    entry.wheelIndex = slot.length;
    slot.push(entry);
    count++;
  }

  function remove(entry: WheelEntry): void {
    if (entry.wheelSlot === notOnWheel) return;
    const slot = slots[entry.wheelSlot] as WheelEntry[];
    const last = slot.pop() as WheelEntry;
    if (last !== entry) {
      slot[entry.wheelIndex] = last;
      last.wheelIndex = entry.wheelIndex;
    }
    entry.wheelSlot = notOnWheel;
    count--;
  }

  function turn(): void {
    position = (position + 1) % slotCount;
    const now = clock.now();
    const due = slots[position] as WheelEntry[];
    slots[position] = [];
    count -= due.length;
    for (const entry of due) entry.wheelSlot = notOnWheel;
    for (const entry of due) {
      if (entry.wheelDueAt > now) {
        put(entry, entry.wheelDueAt - now);
        continue;
      }
      const nextMs = entry.due(now);
      if (nextMs <= 0 || entry.wheelSlot !== notOnWheel) continue;
      entry.wheelDueAt = now + nextMs;
      put(entry, nextMs);
    }
    cancel = clock.after(tickMs, turn);
  }

  return {
    start() {
      cancel ??= clock.after(tickMs, turn);
    },
    stop() {
      cancel?.();
      cancel = null;
    },
    add(entry, delayMs) {
      remove(entry);
      entry.wheelDueAt = clock.now() + delayMs;
      put(entry, delayMs);
    },
    remove,
    size: () => count,
  };
}
