/**
 * What a publisher had to drop, in the shortest form that still makes hubs look: how far a stream goes, its rev, what
 * was taken back. It never gets too old to tell, so that a server that was away for longer than a message may wait
 * makes nothing late by a whole check interval. Ephemeral messages are gone, and who asks who is here doesn't wait for so long.
 */
import { placeOf } from "../store/access.ts";
import type { BusMessage } from "./driver.ts";

export interface Owed {
  /** Beyond the bound new streams aren't kept: hubs find them by their checks. */
  add(messages: Iterable<BusMessage>): void;
  /** All of it, which is then owed no more. */
  take(): readonly BusMessage[];
}

const newer = (known: BusMessage | undefined, message: BusMessage): BusMessage => {
  if (known?.type === "head" && message.type === "head" && known.head > message.head) return known;
  if (known?.type === "changed" && message.type === "changed" && known.rev > message.rev) return known;
  return message;
};

const short = (message: BusMessage): BusMessage =>
  message.type === "rows"
    ? { type: "head", stream: message.stream, head: message.rows.at(-1)?.seq ?? 0 }
    : message;

function keyOf(message: BusMessage): string {
  switch (message.type) {
    case "withdrawn":
      return `${message.seq} ${message.stream}`;
    case "revoked":
      return JSON.stringify(placeOf(message.revocation));
    case "erased":
      return `${message.type} ${message.user}`;
    default:
      return `${message.type} ${message.stream}`;
  }
}

/** Of no use to anybody later. */
const momentary: ReadonlySet<BusMessage["type"]> = new Set(["ephemeral", "asked", "present"]);

const nothing: readonly BusMessage[] = [];

export function makeOwed(most: number): Owed {
  let owed = new Map<string, BusMessage>();
  return {
    add(messages) {
      for (const message of messages) {
        if (momentary.has(message.type)) continue;
        const shortened = short(message);
        const key = keyOf(shortened);
        const known = owed.get(key);
        if (known !== undefined || owed.size < most) owed.set(key, newer(known, shortened));
      }
    },
    take() {
      if (owed.size === 0) return nothing;
      const all = [...owed.values()];
      owed = new Map();
      return all;
    },
  };
}
