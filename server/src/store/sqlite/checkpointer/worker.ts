import { workerData } from "node:worker_threads";
import { openForCheckpoints, type WalState, walState } from "../connection.ts";
import { failureValueOf } from "../failure.ts";
import { serve } from "../serve.ts";
import type { WorkerSettings } from "../wire.ts";

const handlersOf = (db: ReturnType<typeof openForCheckpoints>) => ({
  /** Copies what is committed from the log to the data file while the writer goes on. */
  checkpoint: (): WalState => walState(db, "PASSIVE"),
});

export type CheckpointerCalls = ReturnType<typeof handlersOf>;

serve(() => {
  const db = openForCheckpoints(workerData as WorkerSettings);
  const { checkpoint } = handlersOf(db);
  return {
    run({ names }) {
      try {
        const value = checkpoint();
        return { answers: names.map(() => ({ value })), at: 0, walPages: 0 };
      } catch (error) {
        const failure = failureValueOf(error);
        return { answers: names.map(() => ({ failure })), at: 0, walPages: 0 };
      }
    },
    close: () => db.close(),
  };
});
