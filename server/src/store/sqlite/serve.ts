import { parentPort } from "node:worker_threads";
import { failureValueOf } from "./failure.ts";
import type { Answers, FromWorker, Group, ToWorker } from "./wire.ts";

export interface Served {
  run(group: Group): Answers;
  /** After a group was answered: work that no caller waits for. What it throws is told as trouble. */
  rest?(): void;
  close(): void;
}

/** The worker's side of a channel: opens, answers group by group, closes when told to. */
export function serve(open: () => Served): void {
  const port = parentPort;
  if (!port) throw new Error("not a worker");
  const post = (message: FromWorker): void => port.postMessage(message);
  let served: Served;
  try {
    served = open();
  } catch (error) {
    post({ type: "refused", failure: failureValueOf(error) });
    port.close();
    return;
  }
  port.on("message", (message: ToWorker) => {
    if (message.type === "group") {
      post({ type: "answers", answers: served.run(message.group) });
      try {
        served.rest?.();
      } catch (error) {
        post({ type: "trouble", failure: failureValueOf(error) });
      }
    } else {
      served.close();
      port.close();
    }
  });
  post({ type: "ready" });
}
