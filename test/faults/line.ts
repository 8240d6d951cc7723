import { connect, type Socket } from "node:net";
import { type Lane, makeLane } from "./lane.ts";
import type { Way } from "./proxy.ts";

/** A client's connection and the one to the server that belongs to it. */
export interface Line {
  readonly hold: () => void;
  readonly release: () => void;
  readonly delay: (ms: Record<Way, number>) => void;
  readonly cut: () => void;
  readonly truncate: (way: Way, bytes: number) => Promise<void>;
  readonly halfClose: (way: Way) => void;
}

/** Begins held; connects to the server at the first `release`. */
export function makeLine(client: Socket, to: number, ms: Record<Way, number>, ended: () => void): Line {
  let held = true;
  let broken = false;
  let delayMs = ms;
  let open: { server: Socket; lanes: Record<Way, Lane> } | null = null;
  const beforeOpen: (() => void)[] = [];
  watch(client);

  function watch(socket: Socket): void {
    socket.on("error", () => {
      broken = true;
    });
    socket.on("close", settle);
  }

  /** A reset is passed on, and a line whose ends are both closed is gone; while held, nobody hears of it. */
  function settle(): void {
    if (!held && broken) cut();
    if (client.destroyed && (open === null || open.server.destroyed)) ended();
  }

  function begin(): void {
    const server = connect({ host: "127.0.0.1", port: to, allowHalfOpen: true });
    watch(server);
    const lanes = { toServer: makeLane(client, server), toClient: makeLane(server, client) };
    open = { server, lanes };
    delay(delayMs);
    for (const each of beforeOpen.splice(0)) each();
  }

  function cut(): void {
    client.resetAndDestroy();
    open?.server.resetAndDestroy();
  }

  function delay(to: Record<Way, number>): void {
    delayMs = to;
    open?.lanes.toServer.delay(to.toServer);
    open?.lanes.toClient.delay(to.toClient);
  }

  /** A client that was let in during a silence has its faults when its connection begins. */
  function onLanes(act: (lanes: Record<Way, Lane>) => void): void {
    if (open === null) beforeOpen.push(() => act(open!.lanes));
    else act(open.lanes);
  }

  return {
    hold: () => {
      held = true;
      open?.lanes.toServer.hold();
      open?.lanes.toClient.hold();
    },
    release: () => {
      held = false;
      if (open === null && !client.destroyed) begin();
      open?.lanes.toServer.release();
      open?.lanes.toClient.release();
      settle();
    },
    delay,
    cut,
    truncate: (way, bytes) =>
      new Promise((resolve) => {
        onLanes((lanes) => {
          lanes[way].truncate(bytes, () => {
            // The way back ends at once, the truncated one when its last bytes are out.
            (way === "toClient" ? open!.server : client).resetAndDestroy();
            resolve();
          });
        });
      }),
    halfClose: (way) => onLanes((lanes) => lanes[way].halfClose()),
  };
}
