/**
 * Loaded before the server (`node --import`): hands the store's workers the buffers through which tests may end or
 * hang them. The server itself knows nothing of it. The test says `{ worker, fault }` and hears the same back when
 * the fault is set.
 */
import { createRequire, syncBuiltinESMExports } from "node:module";
import { isMainThread, type Worker, type WorkerOptions } from "node:worker_threads";
import { type Fault, makeFaults } from "../../src/store/sqlite/faults.ts";

export interface FaultOrder {
  readonly worker: "store-writer" | "store-reader";
  readonly fault: Fault;
}

if (isMainThread) {
  const faults = { "store-writer": makeFaults(), "store-reader": makeFaults() };
  const threads = createRequire(import.meta.url)("node:worker_threads") as { Worker: typeof Worker };
  const Real = threads.Worker;
  threads.Worker = class extends Real {
    constructor(script: string | URL, options: WorkerOptions = {}) {
      const buffer = faults[options.name as FaultOrder["worker"]]?.buffer;
      super(script, { ...options, workerData: { ...options.workerData, faults: buffer } });
    }
  };
  syncBuiltinESMExports();
  process.on("message", (order: FaultOrder) => {
    faults[order.worker].set(order.fault);
    process.send?.(order);
  });
  process.channel?.unref();
}
