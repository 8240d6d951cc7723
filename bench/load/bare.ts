/** What the machine itself takes for a push: a write to a socket by Node alone, without a server of ours. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { fileURLToPath } from "node:url";
import { pinServer, readThreads } from "../cpu.ts";
import { type Cost, measureSlice } from "../measure.ts";

export interface Bare {
  /** A second of writing to 1,000 sockets, 50 times; the unit is a write of 400 bytes. */
  slice(): Promise<Cost>;
  close(): void;
}

const sockets = 1_000;
const writeBytes = 400;

export async function openBare(): Promise<Bare> {
  const writer = fork(fileURLToPath(new URL("../bare-writer.ts", import.meta.url)));
  const [{ port }] = (await once(writer, "message")) as [AddressInfo];
  const pid = writer.pid!;
  pinServer(pid);
  let received = 0;
  const buffer = Buffer.alloc(65_536);
  const callback = (size: number): boolean => {
    received += size;
    return true;
  };
  const opened = Array.from({ length: sockets }, () =>
    once(connect({ port, host: "127.0.0.1", onread: { buffer, callback } }), "connect"),
  );
  await Promise.all(opened);
  return {
    slice: () =>
      measureSlice({ cpu: () => ({ ours: { ...readThreads(pid) }, servers: {} }) }, async () => {
        const before = received;
        writer.send(true);
        await new Promise((resolve) => setTimeout(resolve, 1_000));
        writer.send(false);
        return (received - before) / writeBytes;
      }),
    close: () => writer.disconnect(),
  };
}
