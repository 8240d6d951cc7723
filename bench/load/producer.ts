/**
 * A producer's connection: HTTP with keep-alive over a bare socket, one request under way at a time. Bare, because
 * the load shares a core with SQLite's workers.
 */
import { connect, type Socket } from "node:net";

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

export interface Producer {
  request(method: string, path: string, body: string): Promise<HttpAnswer>;
  /** The same again after a 503, as its answer asks; rejects when the answer is neither that nor 202. */
  notify(body: string): Promise<HttpAnswer>;
  close(): void;
}

const attemptsMost = 30;
const headEnd = "\r\n\r\n";
const lengthPattern = /\r\ncontent-length: (\d+)/i;

async function openProducer(port: number, apiKey: string): Promise<Producer> {
  const socket = await connected(port);
  const headers = `Host: 127.0.0.1:${port}\r\nAuthorization: Bearer ${apiKey}\r\nContent-Type: application/json`;
  let waiting: PromiseWithResolvers<HttpAnswer> | null = null;
  let ended = false;
  let received = "";

  socket.on("data", (chunk: Buffer) => {
    received = received === "" ? chunk.toString("latin1") : received + chunk.toString("latin1");
    const end = received.indexOf(headEnd);
    if (end === -1) return;
    const sizeBytes = Number(lengthPattern.exec(received)?.[1] ?? 0);
    if (received.length < end + headEnd.length + sizeBytes) return;
    const answer = { status: Number(received.slice(9, 12)), body: received.slice(end + headEnd.length) };
    received = "";
    const answered = waiting;
    waiting = null;
    answered?.resolve(answer);
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    ended = true;
    waiting?.reject(new Error("the connection ended before the answer"));
  });

  function request(method: string, path: string, body: string): Promise<HttpAnswer> {
    if (waiting !== null) throw new Error("a request is under way on this connection");
    if (ended) throw new Error("the server closed the connection");
    const length = Buffer.byteLength(body);
    socket.write(`${method} ${path} HTTP/1.1\r\n${headers}\r\nContent-Length: ${length}\r\n\r\n${body}`);
    waiting = Promise.withResolvers();
    return waiting.promise;
  }

  return {
    request,
    async notify(body) {
      for (let refused = 0; ; refused++) {
        const answer = await request("POST", "/v1/notifications", body);
        if (answer.status === 202) return answer;
        if (answer.status !== 503 || refused === attemptsMost)
          throw new Error(`refused with ${answer.status}: ${answer.body.slice(0, 500)}`);
        const { retryMs = 1_000 } = JSON.parse(answer.body) as { readonly retryMs?: number };
        await new Promise((resolve) => setTimeout(resolve, retryMs));
      }
    },
    close: () => socket.destroy(),
  };
}

/** Spread over the receivers. */
export const openProducers = (
  count: number,
  { producerPorts, apiKey }: { readonly producerPorts: readonly number[]; readonly apiKey: string },
): Promise<Producer[]> =>
  Promise.all(
    Array.from({ length: count }, (_, at) => openProducer(producerPorts[at % producerPorts.length]!, apiKey)),
  );

function connected(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      resolve(socket);
    });
  });
}
