/**
 * One URL before roles that are apart, as a load balancer gives it: what clients connect to goes to a distributor,
 * all else to a receiver, each request to the next that serves. What is no HTTP goes on as it came.
 */
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import type { Deployment } from "./deployment.ts";

export interface Balancer {
  readonly url: string;
  stop(): Promise<void>;
}

const forClients =
  /^\/v1\/(live|events|poll|ack|read|archive|seen|unread|inbox(\/[^/]+\/[^/]+)?|tickets|subscriptions(\/[^/]+)?|topics\/[^/]+\/notifications)$/;

export async function balance(deployment: Pick<Deployment, "urls">): Promise<Balancer> {
  let turn = 0;
  const sockets = new Set<Socket>();

  function target(path: string): URL | null {
    const role = forClients.test(path.split("?", 1)[0]!) ? "distributor" : "receiver";
    const urls = deployment.urls(role);
    return urls.length === 0 ? null : new URL(urls[turn++ % urls.length]!);
  }

  function forward(incoming: IncomingMessage, answer: ServerResponse): void {
    const to = target(incoming.url!);
    if (to === null) return void answer.writeHead(503, { "retry-after": "1" }).end();
    const { method, url: path, rawHeaders: headers } = incoming;
    const { hostname, port } = to;
    // A connection each: one that is kept may be closed by the server just when it is used again.
    const asked = { hostname, port, method, path, headers, agent: false } as const;
    const outgoing = request({ ...asked, setDefaultHeaders: false });
    outgoing.on("response", (told) => {
      answer.writeHead(told.statusCode!, told.statusMessage, told.rawHeaders);
      told.pipe(answer);
      told.on("error", () => answer.destroy());
    });
    outgoing.on("error", () => answer.destroy());
    answer.on("close", () => outgoing.destroy());
    outgoing.flushHeaders();
    incoming.pipe(outgoing);
  }

  function pipe(socket: Socket, to: URL, first: Buffer | string): void {
    const onward = connect({ host: to.hostname, port: Number(to.port) });
    onward.write(first);
    socket.pipe(onward).pipe(socket);
    for (const [one, other] of [
      [socket, onward],
      [onward, socket],
    ] as const) {
      one.on("error", () => other.destroy());
      one.on("close", () => other.destroy());
    }
  }

  const server = createServer({ maxHeaderSize: 1 << 20, requireHostHeader: false }, forward);
  server.requestTimeout = 0;
  server.headersTimeout = 0;
  server.keepAliveTimeout = 0;
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  server.on("checkContinue", forward);
  server.on("upgrade", ({ method, url, httpVersion, rawHeaders }, socket, head) => {
    const to = target(url!);
    if (to === null) return void socket.destroy();
    let text = `${method} ${url} HTTP/${httpVersion}\r\n`;
    for (let at = 0; at < rawHeaders.length; at += 2) text += `${rawHeaders[at]}: ${rawHeaders[at + 1]}\r\n`;
    pipe(socket as Socket, to, Buffer.concat([Buffer.from(`${text}\r\n`, "latin1"), head]));
  });
  server.on("clientError", (error: Error & { rawPacket?: Buffer }, socket) => {
    const to = target("");
    if (to === null || error.rawPacket === undefined) return void socket.destroy();
    pipe(socket as Socket, to, error.rawPacket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
