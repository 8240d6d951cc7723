/** A client that comes back: with its cursor, whenever its connection ends and the server is there. */
import type { Gate } from "./gate.ts";
import type { Inbox } from "./inbox.ts";
import type { Line, OpenLine } from "./transports/line.ts";

export interface ComingBack {
  readonly inbox: Inbox;
  /** Sessions that it has had. */
  sessions(): number;
  /** Breaks its connection. */
  cut(): void;
  stop(): Promise<void>;
}

/** Told to come back later, it does: a little later, for a test's sake. */
const restMs = 50;
const rest = (): Promise<null> => new Promise((resolve) => setTimeout(resolve, restMs, null));

export interface ComingBackOptions {
  /** Asked before each connection. */
  readonly gate: Pick<Gate, "url">;
  readonly token: string;
  readonly inbox: Inbox;
  /** Asked for each connection: a client may change the transport. */
  readonly transport: () => OpenLine;
  /** A connection that says nothing for so long is taken for dead. */
  readonly silenceMs?: number;
}

export function comeBack({ gate, token, inbox, transport, silenceMs }: ComingBackOptions): ComingBack {
  let line: Line | null = null;
  let stopped = false;
  let sessions = 0;
  const stopping = Promise.withResolvers<null>();

  async function run(): Promise<void> {
    for (;;) {
      const url = await Promise.race([gate.url(), stopping.promise]);
      if (url === null || stopped) return;
      sessions++;
      line = transport()(url, token, inbox);
      const unwatch = silenceMs === undefined ? () => {} : watch(line, inbox, silenceMs);
      const told = await line.ended;
      unwatch();
      if (told !== null) await Promise.race([rest(), stopping.promise]);
    }
  }
  const running = run();

  return {
    inbox,
    sessions: () => sessions,
    cut: () => line?.cut(),
    stop() {
      stopped = true;
      stopping.resolve(null);
      line?.cut();
      return running;
    },
  };
}

function watch(line: Line, inbox: Inbox, silenceMs: number): () => void {
  const openedAt = performance.now();
  const timer = setInterval(() => {
    if (performance.now() - Math.max(openedAt, inbox.heardAt()) > silenceMs) line.cut();
  }, silenceMs / 4);
  return () => clearInterval(timer);
}
