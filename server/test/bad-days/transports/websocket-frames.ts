/** The bytes of WebSockets (RFC 6455, section 5.2), as few as these tests need. */
export interface WireFrame {
  readonly opcode: number;
  readonly payload: Buffer;
}

export const Opcode = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** A frame as a client sends it: final and masked, with zeros. `says` is the length that it claims. */
export function clientFrame(opcode: number, payload: Buffer | string, says?: number): Buffer {
  const bytes = Buffer.from(payload);
  const length = says ?? bytes.length;
  const size = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const header = Buffer.alloc(size + 4);
  header[0] = 0x80 | opcode;
  header[1] = 0x80 | (size === 2 ? length : size === 4 ? 126 : 127);
  if (size === 4) header.writeUInt16BE(length, 2);
  if (size === 10) header.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([header, bytes]);
}

/** Cuts what a server writes into frames; what is left of a chunk waits for the next. */
export function makeFrameReader(each: (frame: WireFrame) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    while (at + 2 <= bytes.length) {
      const short = bytes[at + 1]! & 127;
      const start = at + (short < 126 ? 2 : short === 126 ? 4 : 10);
      if (start > bytes.length) break;
      const length =
        short < 126
          ? short
          : short === 126
            ? bytes.readUInt16BE(at + 2)
            : Number(bytes.readBigUInt64BE(at + 2));
      if (start + length > bytes.length) break;
      each({ opcode: bytes[at]! & 15, payload: bytes.subarray(start, start + length) });
      at = start + length;
    }
    rest = bytes.subarray(at);
  };
}

/** What a client says to open a WebSocket. */
export const handshake = (path: string, headers: Readonly<Record<string, string>> = {}): string => {
  const all = {
    Host: "localhost",
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Protocol": "carillon.v1",
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`;
};
