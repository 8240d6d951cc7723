import type { NotificationFrame } from "@carillon/protocol/frames";

/** A notification for people: `user:42 #7  order.shipped  {"title":"On its way"}`. */
export function notificationLine({ stream, seq, event }: NotificationFrame): string {
  const place = seq === undefined ? "(ephemeral)" : `#${seq}`;
  const data = event["data"] ?? event["data_base64"] ?? "";
  const text = typeof data === "string" ? data : JSON.stringify(data);
  return `${stream} ${place}  ${visible(event.type)}  ${visible(text)}\n`;
}

/** What a notification says must not command the terminal. */
const visible = (text: string): string =>
  text.replace(
    /[\p{Cc}\p{Cf}\u2028\u2029]/gu,
    (found) => `\\u${found.codePointAt(0)!.toString(16).padStart(4, "0")}`,
  );
