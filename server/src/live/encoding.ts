import type { Encoding } from "./outlet.ts";

const textFrame = 0x81;
const pingFrame = Buffer.from([0x89, 0]);

/** One unmasked text frame, whole (RFC 6455, section 5.2). */
function textFrameOf(text: string, spare: number): Buffer {
  const length = Buffer.byteLength(text);
  const start = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const frame = Buffer.allocUnsafe(start + length + spare);
  frame[0] = textFrame;
  if (start === 2) {
    frame[1] = length;
  } else if (start === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 127;
    frame.writeUInt32BE(0, 2);
    frame.writeUInt32BE(length, 6);
  }
  frame.write(text, start, "utf8");
  return frame;
}

export const websocketEncoding: Encoding = {
  name: "websocket",
  frame(type, json) {
    if (type !== "ping") return textFrameOf(json, 0);
    // Browsers answer a ping of the protocol by themselves: a client that knows nothing of heartbeats stays.
    const frame = textFrameOf(json, pingFrame.length);
    frame.set(pingFrame, frame.length - pingFrame.length);
    return frame;
  },
  cursor: (token) => textFrameOf(`{"type":"cursor","cursor":"${token}"}`, 0),
};

/**
 * Server-Sent Events (WHATWG HTML, section 9.2). A block with an `id` alone is never shown, and yet what a client
 * names in `Last-Event-ID` when it comes back.
 */
export const sseEncoding: Encoding = {
  name: "sse",
  frame: (type, json) => {
    // A line break would end the field; between JSON's tokens it is space, and within them there is none.
    const data = json.includes("\n") || json.includes("\r") ? json.replace(/\r\n?|\n/g, "\ndata: ") : json;
    return Buffer.from(`event: ${type}\ndata: ${data}\n\n`);
  },
  cursor: (token) => Buffer.from(`id: ${token}\n\n`),
};

const nothing = Buffer.alloc(0);

/** Items of a JSON array, each with the comma before it. A poll's answer itself says that all was sent. */
export const pollEncoding: Encoding = {
  name: "poll",
  frame: (type, json) => (type === "caught-up" || type === "ping" ? nothing : Buffer.from(`,\n${json}`)),
  cursor: () => null,
};
