import { createServer, type Socket } from "node:net";
import { freePort } from "../../services/free-ports.ts";
import { type Line, makeLine } from "./line.ts";

export type Way = "toServer" | "toClient";

/**
 * Stands on loopback between clients and a server, and does to what passes what networks do. A fault holds until the
 * next call of `pass`, for connections that are there and for those that come, unless it says otherwise. Bytes are
 * never lost from the middle of a connection, because TCP never does that: they come late, or nothing comes any more.
 *
 * While the server itself refuses, clients are let in and reset: only `refuse` can refuse.
 */
export interface FaultProxy {
  /** Where clients connect: below the range for outgoing connections, and kept through `refuse`. */
  readonly port: number;
  /** How many clients hold a connection. */
  readonly connections: () => number;
  /** Ends any fault. What was held back goes out, in order, as after a network's outage. */
  readonly pass: () => Promise<void>;
  /** Every byte comes so much later, each way; order is kept. */
  readonly delay: (ms: { readonly [W in Way]?: number }) => Promise<void>;
  /** Silence: connections stay and new ones are taken, nobody hears of anything, closing included. */
  readonly hang: () => Promise<void>;
  /** New connections get ECONNREFUSED; those that are there go on. */
  readonly refuse: () => Promise<void>;
  /** Resets (RST) all connections that are there, on both sides; new ones pass. */
  readonly cut: () => void;
  /**
   * For each connection that is there: lets so many more bytes go that way, and where the next one would go, ends
   * it: that side by a FIN, the other by a RST. Resolves when the first of them has ended. 0 to the client is an
   * answer that was lost.
   */
  readonly truncate: (way: Way, bytes: number) => Promise<void>;
  /** Sends a FIN that way on each connection that is there and drops what would follow; the other way goes on. */
  readonly halfClose: (way: Way) => void;
  /** Resets whatever is there and listens no more. */
  readonly close: () => Promise<void>;
}

/** `to`: the server's port on loopback. It may come later. */
export async function startFaultProxy(to: number): Promise<FaultProxy> {
  const port = await freePort();
  const lines = new Set<Line>();
  const calm = { toServer: 0, toClient: 0 };
  let delayMs = calm;
  let hung = false;
  let lastGone = () => {};
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client: Socket) => {
    const line = makeLine(client, to, delayMs, () => {
      lines.delete(line);
      if (lines.size === 0) lastGone();
    });
    lines.add(line);
    if (!hung) line.release();
  });

  const listening = () =>
    new Promise<void>((resolve, reject) => {
      if (server.listening) return resolve();
      server.once("error", reject).listen(port, "127.0.0.1", () => {
        server.off("error", reject);
        resolve();
      });
    });

  async function become(state: { hung: boolean; delayMs: typeof calm }): Promise<void> {
    hung = state.hung;
    delayMs = state.delayMs;
    for (const line of lines) {
      line.delay(delayMs);
      if (hung) line.hold();
      else line.release();
    }
    await listening();
  }

  await listening();
  return {
    port,
    connections: () => lines.size,
    pass: () => become({ hung: false, delayMs: calm }),
    delay: (ms) => become({ hung: false, delayMs: { ...calm, ...ms } }),
    hang: () => become({ hung: true, delayMs: calm }),
    refuse: async () => {
      await become({ hung: false, delayMs: calm });
      // Stops listening at once; its callback would wait for the connections that stay.
      server.close();
    },
    cut,
    truncate: (way, bytes) => Promise.race([...lines].map((line) => line.truncate(way, bytes))),
    halfClose: (way) => {
      for (const line of lines) line.halfClose(way);
    },
    close: async () => {
      server.close();
      if (lines.size === 0) return;
      const gone = new Promise<void>((resolve) => {
        lastGone = resolve;
      });
      cut();
      await gone;
    },
  };

  function cut(): void {
    for (const line of [...lines]) line.cut();
  }
}
