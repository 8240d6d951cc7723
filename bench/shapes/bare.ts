/**
 * What the machine itself takes for a push: a write to a socket by Node alone, without a server of ours. The other
 * figures are to be read beside it; it doubles when other work shares the caches.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { fileURLToPath } from "node:url";
import { pinServer, readCpu } from "../cpu.ts";
import { measure } from "../measure.ts";
import { describeCost, type Shape } from "../shape.ts";

const sessions = 1_000;
const writeBytes = 400;

export const bare: Shape = {
  name: "bare",
  async run() {
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
    for (let at = 0; at < sessions; at++) connect({ port, host: "127.0.0.1", onread: { buffer, callback } });
    const cost = await measure({ cpu: () => readCpu(pid) }, { warmUps: 1, count: 5 }, async () => {
      const before = received;
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      return (received - before) / writeBytes;
    });
    writer.disconnect();
    return {
      audit: null,
      figures: [
        {
          name: "a bare write of 400 bytes to one of 1,000 sockets, CPU",
          value: cost.allUs,
          unit: "us",
          beside: describeCost(cost),
        },
      ],
    };
  },
};
