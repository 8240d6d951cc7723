/** What users publish: the one way in for frames and requests. It is accepted as what a producer sends is. */
import type { Notification } from "@carillon/protocol/notification";
import { type ParsedNotification, parseNotification } from "@carillon/protocol/parse-notification";
import { type FieldError, type Problem, problem } from "@carillon/protocol/problems";
import { topicStream } from "@carillon/protocol/stream";
import { type TraceContext, withTrace } from "@carillon/protocol/trace-context";
import type { GrantsDriver } from "../store/grants.ts";
import { whyNotPublish } from "./authority.ts";
import type { Answer, Receiver } from "./receiver.ts";

export interface Publishing {
  /**
   * Publishes to a topic, or to those of its members whom `value` names in `to`. `value` is what JSON gave; its source
   * is the user's own. Durable when answered. A problem: nothing was written. Rejects as the receiver does.
   */
  publish(user: string, topic: string, value: unknown, beside: Beside): Promise<Answer | Problem>;
}

/** What came beside the notification. */
export interface Beside {
  /** Its id where it has none; null for one that is made. */
  readonly fallbackId: string | null;
  /** Where it began, where it doesn't say so itself. */
  readonly trace: TraceContext | null;
}

export const nothingBeside: Beside = { fallbackId: null, trace: null };

export function openPublishing(
  receiver: Pick<Receiver, "send">,
  grants: Pick<GrantsDriver, "standing">,
): Publishing {
  return {
    async publish(user, topic, value, { fallbackId, trace }) {
      const { notification, problem: wrong } = readPublished(topic, value);
      if (wrong !== undefined) return wrong;
      const refused = whyNotPublish(await grants.standing(topic, user), user, topic);
      if (refused !== null) return refused;
      const [answer] = await receiver.send({ kind: "client", user }, [
        { notification: withTrace(notification, trace), fallbackId },
      ]);
      return answer!;
    },
  };
}

/** How many recipients a notification names, as far as it can be told before it is read: the topic is one. */
export function recipientsOf(value: unknown): number {
  const { to } = (value ?? {}) as { readonly to?: unknown };
  return Array.isArray(to) ? Math.max(1, to.length) : 1;
}

/** A notification for `topic` from what a user gave. Without `to` it is for all who follow it. */
function readPublished(topic: string, value: unknown): ParsedNotification {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return refuse({ pointer: "", detail: "must be an object" });
  }
  if (Object.hasOwn(value, "topic")) {
    return refuse({ pointer: "/topic", detail: "must be absent: it is said beside the notification" });
  }
  const given = value as Partial<Notification>;
  return parseNotification(
    Object.hasOwn(value, "to") ? { ...given, topic } : { ...given, to: topicStream(topic) },
  );
}

const refuse = (error: FieldError): ParsedNotification => ({
  problem: problem("body-invalid", `${error.pointer || "The notification"} ${error.detail}`, {
    errors: [error],
  }),
});
