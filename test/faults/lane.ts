import type { Socket } from "node:net";

/** What goes one way on one connection. */
export interface Lane {
  readonly hold: () => void;
  readonly release: () => void;
  readonly delay: (ms: number) => void;
  /** Lets so many more bytes go; in place of the next one comes a FIN, and `cut` is called. */
  readonly truncate: (bytes: number, cut: () => void) => void;
  /** A FIN now; what follows is dropped. */
  readonly halfClose: () => void;
}

const fin = Symbol("fin");
const mostWaitingBytes = 1 << 20;

interface Waiting {
  readonly dueMs: number;
  readonly what: Buffer | typeof fin;
}

/** Begins held. What waits for its time is bounded: a source that sends more waits itself. */
export function makeLane(source: Socket, destination: Socket): Lane {
  const waiting: Waiting[] = [];
  let waitingBytes = 0;
  let held = true;
  let delayMs = 0;
  let timer: NodeJS.Timeout | undefined;
  let left = Number.POSITIVE_INFINITY;
  let whenCut = () => {};
  let dropping = false;

  source.pause();
  source.on("data", (bytes: Buffer) => arrive(bytes));
  source.on("end", () => arrive(fin));
  destination.on("drain", flow);
  destination.on("close", () => clearTimeout(timer));

  function arrive(what: Waiting["what"]): void {
    // Never before what came earlier, though the delay may have become shorter.
    const dueMs = Math.max(performance.now() + delayMs, waiting.at(-1)?.dueMs ?? 0);
    waiting.push({ dueMs, what });
    if (what !== fin) waitingBytes += what.length;
    flow();
  }

  function flow(): void {
    clearTimeout(timer);
    if (held) return;
    while (waiting.length > 0 && !destination.writableNeedDrain) {
      const next = waiting[0]!;
      const earlyMs = next.dueMs - performance.now();
      if (earlyMs > 0) {
        timer = setTimeout(flow, Math.ceil(earlyMs));
        break;
      }
      waiting.shift();
      give(next.what);
    }
    if (waitingBytes > mostWaitingBytes || destination.writableNeedDrain) source.pause();
    else source.resume();
  }

  function give(what: Waiting["what"]): void {
    if (what === fin) return end();
    waitingBytes -= what.length;
    if (dropping) return;
    const bytes = what.subarray(0, left);
    if (destination.writable && bytes.length > 0) destination.write(bytes);
    if (what.length > left) cutShort();
    else left -= what.length;
  }

  function cutShort(): void {
    end();
    destination.destroySoon();
    whenCut();
  }

  function end(): void {
    dropping = true;
    if (destination.writable) destination.end();
  }

  return {
    hold: () => {
      held = true;
      clearTimeout(timer);
      source.pause();
    },
    release: () => {
      held = false;
      flow();
    },
    delay: (ms) => {
      delayMs = ms;
      if (ms === 0) for (const each of waiting.splice(0)) waiting.push({ ...each, dueMs: 0 });
      flow();
    },
    truncate: (bytes, cut) => {
      left = bytes;
      whenCut = cut;
    },
    halfClose: end,
  };
}
