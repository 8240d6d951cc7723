import type { NotificationFrame } from "@carillon/protocol/frames";
import { visible } from "./visible.ts";

/** A notification for people: `user:42 #7  order.shipped  {"title":"On its way"}`. */
export function notificationLine({
  stream,
  seq,
  event,
}: Pick<NotificationFrame, "stream" | "seq" | "event">): string {
  const place = seq === undefined ? "(ephemeral)" : `#${seq}`;
  const data = event["data"] ?? event["data_base64"] ?? "";
  const text = typeof data === "string" ? data : JSON.stringify(data);
  return `${stream} ${place}  ${visible(event.type)}  ${visible(text)}\n`;
}
