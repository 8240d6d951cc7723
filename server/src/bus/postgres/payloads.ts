/** What NOTIFY carries: text of less than 8,000 bytes. Pure. */
import type { BusMessage } from "../driver.ts";
import { encodeMessage, wireVersion } from "../wire.ts";

const bytesMost = 7_999;

/**
 * Rows are for those who read the store: one notification reaches every process, whoever wants it. Null when a message
 * fits no payload, however alone.
 */
export function encodeLight(message: BusMessage): string | null {
  const light: BusMessage =
    message.type === "rows"
      ? { type: "head", stream: message.stream, head: message.rows.at(-1)?.seq ?? 0 }
      : message;
  const text = encodeMessage(light);
  return wireVersion.length + Buffer.byteLength(text) > bytesMost ? null : text;
}

/** As few payloads as hold the texts, in their order. */
export function packPayloads(texts: Iterable<string>): string[] {
  const payloads: string[] = [];
  let payload = wireVersion;
  let sizeBytes = wireVersion.length;
  for (const text of texts) {
    const bytes = Buffer.byteLength(text);
    if (sizeBytes + bytes > bytesMost) {
      payloads.push(payload);
      payload = wireVersion;
      sizeBytes = wireVersion.length;
    }
    payload += text;
    sizeBytes += bytes;
  }
  if (sizeBytes > wireVersion.length) payloads.push(payload);
  return payloads;
}
