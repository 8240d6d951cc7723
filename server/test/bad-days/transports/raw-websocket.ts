/** A WebSocket of a bare socket: cheap enough for thousands, and able to do what no library would. */
import { connect, type Socket } from "node:net";
import { clientFrame, handshake, makeFrameReader, Opcode } from "./websocket-frames.ts";

export interface RawWebSocket {
  readonly socket: Socket;
  /** 101 when it is open, another status when it was refused, null when the connection broke before either. */
  readonly status: Promise<number | null>;
  /** The close code, once it is told; null when the connection ended without one. */
  readonly closed: Promise<number | null>;
  send(opcode: number, payload: Buffer | string, says?: number): void;
}

export interface RawOptions {
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly onText: (text: string) => void;
}

const head = "\r\n\r\n";

export function openRawWebSocket(
  url: string,
  { query = "", headers = {}, onText }: RawOptions,
): RawWebSocket {
  const { hostname: host, port } = new URL(url);
  const socket = connect({ host, port: Number(port), noDelay: true });
  const status = Promise.withResolvers<number | null>();
  const closed = Promise.withResolvers<number | null>();
  const send: RawWebSocket["send"] = (...frame) => void socket.write(clientFrame(...frame));
  const read = makeFrameReader(({ opcode, payload }) => {
    if (opcode === Opcode.text) return onText(payload.toString());
    if (opcode === Opcode.ping) return send(Opcode.pong, payload);
    if (opcode !== Opcode.close) return;
    closed.resolve(payload.length < 2 ? null : payload.readUInt16BE(0));
    send(Opcode.close, payload.subarray(0, 2));
    socket.end();
  });
  let greeting = Buffer.alloc(0);
  const onData = (chunk: Buffer): void => {
    greeting = Buffer.concat([greeting, chunk]);
    const end = greeting.indexOf(head);
    if (end < 0) return;
    socket.off("data", onData);
    socket.on("data", read);
    status.resolve(Number(greeting.subarray(9, 12).toString()));
    read(greeting.subarray(end + head.length));
    greeting = Buffer.alloc(0);
  };
  socket.on("data", onData);
  socket.on("error", () => {});
  socket.on("close", () => {
    status.resolve(null);
    closed.resolve(null);
  });
  socket.write(handshake(`/v1/live${query}`, headers));
  return { socket, status: status.promise, closed: closed.promise, send };
}
