/**
 * The embedded bus: publisher and listener share a process, so a message is handed over by reference and none
 * is lost. Delivery is in a later turn: the publisher's caller is answered first, and a listener that publishes
 * is never called from within its own call.
 */
import type { StreamName } from "@carillon/protocol/stream";
import type { Clock } from "../clock.ts";
import { Failure } from "../errors.ts";
import type { BusDriver, BusListener, BusMessage } from "./driver.ts";

export function makeLocalBus({ clock }: { readonly clock: Clock }): BusDriver {
  const streams = new Set<StreamName>();
  let waiting: BusMessage[] = [];
  let listener: BusListener | undefined;

  const deliver = (): void => {
    const messages = waiting;
    waiting = [];
    for (const message of messages) {
      if (streams.has(message.stream)) listener?.message(message);
    }
  };

  return {
    async start(to) {
      listener = to;
    },

    async stop() {
      listener = undefined;
      streams.clear();
      waiting = [];
    },

    publish(messages) {
      for (const message of messages) {
        if (!streams.has(message.stream)) continue;
        if (waiting.length === 0) clock.soon(deliver);
        waiting.push(message);
      }
    },

    async subscribe(stream) {
      if (!listener) throw new Failure("stopped", "the bus is not running");
      streams.add(stream);
    },

    unsubscribe(stream) {
      streams.delete(stream);
    },
  };
}
