/** A Redis server of a test's own, to be killed, frozen and flushed. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { createClient } from "@redis/client";
import { onTestFinished } from "vitest";

export interface OwnRedis {
  readonly url: string;
  /** Resolves when it answers; on the same port each time. */
  up(...settings: readonly string[]): Promise<void>;
  kill(): Promise<void>;
  pause(): void;
  resume(): void;
  /** One command over a connection that has nothing to do with the bus. */
  command(...args: readonly string[]): Promise<unknown>;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Not up yet. It is gone when the test has finished. */
export async function makeOwnRedis(): Promise<OwnRedis> {
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  let child: ChildProcess | null = null;

  async function end(): Promise<void> {
    const ending = child;
    child = null;
    if (ending === null || ending.exitCode !== null || ending.signalCode !== null) return;
    const gone = once(ending, "exit");
    ending.kill("SIGKILL");
    await gone;
  }
  onTestFinished(end);

  return {
    url,
    async up(...settings) {
      const own = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
      const started = spawn("redis-server", [...own, ...settings], {
        cwd: "/tmp",
        stdio: ["ignore", "pipe", "inherit"],
      });
      child = started;
      let said = "";
      for await (const chunk of started.stdout) {
        said += chunk;
        if (said.includes("Ready to accept connections")) break;
      }
    },
    kill: end,
    pause: () => void child?.kill("SIGSTOP"),
    resume: () => void child?.kill("SIGCONT"),
    async command(...args) {
      const client = createClient({ url });
      await client.connect();
      try {
        return await client.sendCommand(args);
      } finally {
        client.destroy();
      }
    },
  };
}
