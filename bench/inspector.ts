/** The server's own view of its memory, by way of Node's inspector: nothing in the server has to know of it. */

import type { AddressInfo } from "node:net";
import { createServer } from "node:net";

export interface Memory {
  readonly rss: number;
  readonly heapUsed: number;
  readonly external: number;
  readonly arrayBuffers: number;
}

export interface Inspector {
  readonly nodeOption: string;
  /** Collects garbage until nothing more comes of it, and lets the allocator give back what it can. */
  settledMemory(): Promise<Memory>;
}

const rounds = 4;
const pauseMs = 300;

export async function makeInspector(): Promise<Inspector> {
  const port = await freePort();
  return {
    nodeOption: `--inspect=127.0.0.1:${port}`,
    async settledMemory() {
      const call = await connectTo(port);
      for (let round = 0; round < rounds; round++) {
        await call("HeapProfiler.collectGarbage", {});
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
      const expression = "JSON.stringify(process.memoryUsage())";
      const { result } = (await call("Runtime.evaluate", { expression })) as { result: { value: string } };
      await call(null, {});
      return JSON.parse(result.value) as Memory;
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

/** Calls by the inspector's protocol; a null method closes the connection. */
async function connectTo(port: number): Promise<(method: string | null, params: object) => Promise<unknown>> {
  const targets = await (await fetch(`http://127.0.0.1:${port}/json/list`)).json();
  const [{ webSocketDebuggerUrl }] = targets as [{ webSocketDebuggerUrl: string }];
  const socket = new WebSocket(webSocketDebuggerUrl);
  await new Promise((resolve) => socket.addEventListener("open", resolve, { once: true }));
  let id = 0;
  return (method, params) =>
    new Promise((resolve) => {
      if (method === null) {
        socket.close();
        return resolve(undefined);
      }
      const mine = ++id;
      const listen = ({ data }: MessageEvent): void => {
        const answer = JSON.parse(String(data)) as { id?: number; result?: unknown };
        if (answer.id !== mine) return;
        socket.removeEventListener("message", listen);
        resolve(answer.result);
      };
      socket.addEventListener("message", listen);
      socket.send(JSON.stringify({ id: mine, method, params }));
    });
}
