/** A WebSocket client made of bytes, for what no library would send, and for one that doesn't read. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { tokenOf } from "./stage.ts";

export interface RawClient {
  readonly socket: Socket;
  /** A frame as a client sends it: final, masked (with zeros), of this opcode. `says` is the length it claims. */
  send(opcode: number, payload: Buffer | string, says?: number): void;
  /** The close code that came; null when the connection ended without one. */
  readonly closed: Promise<number | null>;
}

function frameOf(opcode: number, payload: Buffer | string, says?: number): Buffer {
  const bytes = Buffer.from(payload);
  const length = says ?? bytes.length;
  const header = Buffer.alloc(14);
  header[0] = 0x80 | opcode;
  if (length < 126) {
    header[1] = 0x80 | length;
    return Buffer.concat([header.subarray(0, 6), bytes]);
  }
  header[1] = 0x80 | 127;
  header.writeUInt32BE(Math.floor(length / 2 ** 32), 2);
  header.writeUInt32BE(length % 2 ** 32, 6);
  return Buffer.concat([header, bytes]);
}

/** Walks over the server's frames; the code of the close frame, or null. */
function closeCodeIn(bytes: Buffer): number | null {
  let at = 0;
  while (at + 2 <= bytes.length) {
    const short = bytes[at + 1]!;
    const start = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (at + start > bytes.length) return null;
    const length =
      start === 2 ? short : start === 4 ? bytes.readUInt16BE(at + 2) : bytes.readUInt32BE(at + 6);
    if (bytes[at] === 0x88 && at + 4 <= bytes.length) return bytes.readUInt16BE(at + start);
    at += start + length;
  }
  return null;
}

/** Connects and shakes hands. Reads everything unless the socket is paused. */
export async function connectRaw(port: number, token: string | null = tokenOf("ada")): Promise<RawClient> {
  const socket = connect({ port, host: "127.0.0.1" });
  socket.on("error", () => {});
  const authorization = token === null ? "" : `Authorization: Bearer ${token}\r\n`;
  socket.write(
    `GET /v1/live HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${authorization}` +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: carillon.v1\r\n" +
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  const [first] = (await once(socket, "data")) as [Buffer];
  const chunks = [first.subarray(first.indexOf("\r\n\r\n") + 4)];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  const closed = new Promise<number | null>((resolve) => {
    socket.on("close", () => resolve(closeCodeIn(Buffer.concat(chunks))));
  });
  return { socket, send: (...frame) => void socket.write(frameOf(...frame)), closed };
}
