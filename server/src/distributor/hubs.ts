import { tagOf } from "@carillon/protocol/cursor";
import type { StreamName } from "@carillon/protocol/stream";
import type { BusDriver, BusListener, BusMessage } from "../bus/driver.ts";
import type { Clock } from "../clock.ts";
import { Hub, type HubShared } from "./hub.ts";
import type { Reader } from "./reader.ts";

/**
 * The hubs of this process: made when the first session follows a stream, kept a while after the last has gone,
 * and held against the store's heads, so that what the bus loses is late and never lost (invariant 9).
 */
export interface Hubs {
  /** The stream's hub, warm. Every acquire is followed by one release. Rejects when the bus or the store is away. */
  acquire(stream: StreamName): Promise<Hub>;
  release(hub: Hub): void;
  /** Drops a hub whose stream went back; its followers are told. */
  lost(hub: Hub): void;
  /** Lets go of what it knows of a stream: its hub is made anew. */
  forget(stream: StreamName): void;
  readonly listener: BusListener;
  start(): void;
  stop(): void;
  count(): number;
}

export interface HubsOptions {
  /** Every hub is held against its head at least this often, spread evenly. */
  readonly checkMs: number;
  /** Hubs that may have lost messages are checked within this time, spread evenly. */
  readonly suspectMs: number;
  /** How long a hub without followers stays. */
  readonly lingerMs: number;
}

const checkTickMs = 500;

export function makeHubs(
  bus: BusDriver,
  reader: Reader,
  clock: Clock,
  shared: Omit<HubShared, "lost">,
  options: HubsOptions,
): Hubs {
  const hubs = new Map<StreamName, Hub>();
  const warming = new Map<Hub, Promise<void>>();
  const suspects = new Set<Hub>();
  /** Those without followers, the longest idle first. */
  const idle = new Set<Hub>();
  /** When each was last held against its head; those that have waited longest come first. */
  const checkedAt = new Map<Hub, number>();
  let pacing = { suspects: 0, all: 0 };
  let cancel: (() => void) | null = null;

  const hubShared: HubShared = { ...shared, lost };

  async function warm(hub: Hub): Promise<void> {
    await bus.subscribe(hub.stream);
    hub.warmed(await reader.head(hub.stream));
  }

  function drop(hub: Hub): void {
    hub.gone = true;
    if (hubs.get(hub.stream) === hub) {
      hubs.delete(hub.stream);
      bus.unsubscribe(hub.stream);
    }
    suspects.delete(hub);
    idle.delete(hub);
    checkedAt.delete(hub);
    shared.budget.clear(hub.ring);
  }

  async function acquire(stream: StreamName): Promise<Hub> {
    let hub = hubs.get(stream);
    if (hub === undefined) {
      hub = new Hub(stream, tagOf(stream), hubShared);
      hubs.set(stream, hub);
      checkedAt.set(hub, clock.now());
      warming.set(hub, warm(hub));
    }
    hub.holds++;
    idle.delete(hub);
    const pending = warming.get(hub);
    if (pending === undefined) return hub;
    try {
      await pending;
    } catch (reason) {
      drop(hub);
      throw reason;
    } finally {
      warming.delete(hub);
    }
    return hub;
  }

  function release(hub: Hub): void {
    hub.holds--;
    if (hub.holds > 0 || hub.gone) return;
    hub.idleSince = clock.now();
    idle.add(hub);
  }

  function lost(hub: Hub): void {
    if (hub.gone) return;
    drop(hub);
    for (const follower of hub.followers) follower.session.lost(hub);
  }

  function sweep(now: number): void {
    for (const hub of idle) {
      if (hub.idleSince + options.lingerMs > now) break;
      drop(hub);
    }
  }

  function suspect(hub: Hub): void {
    suspects.add(hub);
    const pace = Math.ceil((suspects.size * checkTickMs) / options.suspectMs);
    pacing.suspects = Math.max(pacing.suspects, pace);
  }

  async function check(some: readonly Hub[]): Promise<void> {
    await Promise.all(
      some.map(async (hub) => {
        if (hub.gone) return;
        if (warming.has(hub)) return suspect(hub);
        const before = hub.last;
        const head = await reader.head(hub.stream).catch(() => null);
        if (hub.gone) return;
        if (head === null) suspect(hub);
        else hub.checked(head, before);
      }),
    );
  }

  /** Evenly spread, and none later than `checkMs`: the pace slows down when hubs go, the others' time doesn't. */
  function takeForCheck(now: number): Hub[] {
    pacing.all += (hubs.size * checkTickMs) / options.checkMs;
    const some: Hub[] = [];
    for (const hub of suspects) {
      if (some.length >= pacing.suspects) break;
      suspects.delete(hub);
      some.push(hub);
    }
    for (const [hub, at] of checkedAt) {
      if (at === now || (pacing.all < 1 && now - at + checkTickMs < options.checkMs)) break;
      pacing.all = Math.max(0, pacing.all - 1);
      checkedAt.delete(hub);
      checkedAt.set(hub, now);
      some.push(hub);
    }
    return some;
  }

  function tick(): void {
    const now = clock.now();
    sweep(now);
    void check(takeForCheck(now));
    cancel = clock.after(checkTickMs, tick);
  }

  const listener: BusListener = {
    message: (message: BusMessage) => hubs.get(message.stream)?.onBus(message),
    suspect(streams) {
      for (const stream of streams) {
        const hub = hubs.get(stream);
        if (hub !== undefined) suspects.add(hub);
      }
      pacing = { ...pacing, suspects: Math.ceil((suspects.size * checkTickMs) / options.suspectMs) };
    },
  };

  return {
    acquire,
    forget(stream) {
      const hub = hubs.get(stream);
      if (hub !== undefined) lost(hub);
      reader.forget(stream);
    },
    release,
    lost,
    listener,
    start() {
      cancel ??= clock.after(checkTickMs, tick);
    },
    stop() {
      cancel?.();
      cancel = null;
    },
    count: () => hubs.size,
  };
}
