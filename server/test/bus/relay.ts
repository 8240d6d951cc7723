/** Stands between a client and a server, and fails as networks do. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";

export interface Relay {
  readonly port: number;
  /** From now on connections are refused; those that are open break. */
  cut(): Promise<void>;
  mend(): Promise<void>;
  /** Nothing passes any more, in either direction, and nothing fails. */
  freeze(): void;
  /** What was held back passes, for connections that have ended too. */
  thaw(): void;
  /** Resolves when so many connections have been made in all. */
  connections(count: number): Promise<void>;
  /** Chunks from the server that `drops` says yes to don't arrive. */
  drop(drops: (chunk: Buffer) => boolean): void;
}

/** Not listening yet where `mended` is false. It is gone when the test has finished. */
export async function makeRelay(target: { host: string; port: number }, mended = true): Promise<Relay> {
  const sockets = new Set<Socket>();
  const accepted = new Map<number, () => void>();
  let made = 0;
  let frozen = false;
  let drops: (chunk: Buffer) => boolean = () => false;

  function join(from: Socket, to: Socket, passes: (chunk: Buffer) => boolean): void {
    sockets.add(from);
    from.on("data", (chunk: Buffer) => void (passes(chunk) && to.write(chunk)));
    from.on("end", () => to.end());
    from.on("error", () => to.destroy());
    from.on("close", () => sockets.delete(from));
    if (frozen) from.pause();
  }

  const server = createServer({ allowHalfOpen: true }, (client) => {
    accepted.get(++made)?.();
    const upstream = connect({ ...target, allowHalfOpen: true });
    join(client, upstream, () => true);
    join(upstream, client, (chunk) => !drops(chunk));
  });
  let port = 0;

  const relay: Relay = {
    get port() {
      return port;
    },
    async mend() {
      server.listen(port, "127.0.0.1");
      await once(server, "listening");
      port = (server.address() as AddressInfo).port;
    },
    async cut() {
      for (const socket of sockets) socket.destroy();
      if (!server.listening) return;
      server.close();
      await once(server, "close");
    },
    freeze() {
      frozen = true;
      for (const socket of sockets) socket.pause();
    },
    thaw() {
      frozen = false;
      for (const socket of sockets) socket.resume();
    },
    connections: (count) =>
      made >= count ? Promise.resolve() : new Promise((resolve) => accepted.set(count, resolve)),
    drop(which) {
      drops = which;
    },
  };
  await relay.mend();
  if (!mended) await relay.cut();
  onTestFinished(() => relay.cut());
  return relay;
}
