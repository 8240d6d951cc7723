import { Worker } from "node:worker_threads";
import type { Clock } from "../../clock.ts";
import { Failure } from "../../errors.ts";
import { failureOf } from "./failure.ts";
import type { Answers, FromWorker, Group, ToWorker, WorkerSettings } from "./wire.ts";

export interface ThreadOptions {
  readonly name: string;
  readonly script: URL;
  readonly settings: WorkerSettings;
  readonly clock: Clock;
  /** How long opening may take: a long write-ahead log is recovered then. */
  readonly startMs: number;
  /** How long a thread may take to end when told to. */
  readonly endMs: number;
  answered(answers: Answers): void;
  troubled(reason: Failure): void;
  /** It ended without having been told to. */
  died(reason: unknown): void;
}

export interface Thread {
  post(group: Group): void;
  /** Finishes what it was given and closes its database; resolves false when it didn't end in time. */
  close(): Promise<boolean>;
  /** Ends it in the middle of what it does; resolves false when it didn't end in time. */
  terminate(): Promise<boolean>;
}

/** Resolves when the worker has its database open, rejects with the reason when it never will. */
export function startThread(options: ThreadOptions): Promise<Thread> {
  const { name, script, settings, clock, startMs, endMs, answered, troubled, died } = options;
  const worker = new Worker(script, { name: `store-${name}`, workerData: settings });
  let ending = false;
  let reason: unknown;

  const ended = new Promise<void>((resolve) => worker.once("exit", () => resolve()));

  const endedInTime = async (): Promise<boolean> => {
    let cancel = (): void => {};
    const late = new Promise<boolean>((resolve) => {
      cancel = clock.after(endMs, () => resolve(false));
    });
    const inTime = await Promise.race([ended.then(() => true), late]);
    cancel();
    if (!inTime) worker.unref();
    return inTime;
  };

  const post = (message: ToWorker): void => worker.postMessage(message);

  const thread: Thread = {
    post: (group) => post({ type: "group", group }),
    close() {
      ending = true;
      post({ type: "close" });
      return endedInTime();
    },
    terminate() {
      ending = true;
      void worker.terminate();
      return endedInTime();
    },
  };

  return new Promise((resolve, reject) => {
    let open = false;
    const cancel = clock.after(startMs, () =>
      refuse(new Failure("unavailable", `${name} did not open in time`)),
    );
    const refuse = (failure: Failure): void => {
      cancel();
      void thread.terminate().then(() => reject(failure));
    };
    worker.on("message", (message: FromWorker) => {
      if (message.type === "answers") {
        if (!ending) answered(message.answers);
        return;
      }
      if (message.type === "trouble") return troubled(failureOf(message.failure));
      if (message.type === "refused") return refuse(failureOf(message.failure));
      cancel();
      open = true;
      resolve(thread);
    });
    worker.on("error", (error) => {
      reason = error;
    });
    void ended.then(() => {
      if (ending) return;
      if (open) died(reason);
      else refuse(new Failure("unavailable", `the ${name} ended while it opened`, { cause: reason }));
    });
  });
}
