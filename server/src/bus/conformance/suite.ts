/** What a bus under examination brings. Nothing here knows which driver it is. */
import type { StreamName } from "@carillon/protocol/stream";
import type { BusDriver, BusListener, BusMessage } from "../driver.ts";

export interface BusCapabilities {
  /**
   * How a test breaks and mends the bus's connections, where it has some: `suspect` is then owed for every
   * subscribed stream. Null: there is nothing to break and nothing is ever lost.
   */
  readonly interrupt: ((bus: BusDriver) => Promise<void>) | null;
  /** Publisher and listener in different processes see each other. False: both are one object. */
  readonly crossesProcesses: boolean;
  /** What becomes of a message with rows: it arrives whole, or as its head. */
  readonly carries: "rows" | "heads";
}

export interface BusUnderTest {
  readonly capabilities: BusCapabilities;
  /** A bus of the same set-up each time, not yet started. The exam stops it. */
  make(): BusDriver;
}

/** A listener that keeps what it hears; `heard` resolves once a message has come. */
export function makeEar() {
  const messages: BusMessage[] = [];
  const suspects: StreamName[] = [];
  const seen = new Set<string>();
  const waiting = new Map<string, () => void>();

  const note = (what: string): void => {
    seen.add(what);
    waiting.get(what)?.();
  };
  const noted = (what: string): Promise<void> =>
    seen.has(what) ? Promise.resolve() : new Promise((resolve) => waiting.set(what, resolve));

  const listener: BusListener = {
    message(message) {
      messages.push(message);
      note(JSON.stringify(message));
    },
    suspect(streams) {
      for (const stream of streams) {
        suspects.push(stream);
        note(stream);
      }
    },
  };

  return {
    listener,
    messages,
    suspects,
    of: (stream: StreamName): BusMessage[] => messages.filter((message) => message.stream === stream),
    heard: (wanted: BusMessage): Promise<void> => noted(JSON.stringify(wanted)),
    suspected: (stream: StreamName): Promise<void> => noted(stream),
  };
}
