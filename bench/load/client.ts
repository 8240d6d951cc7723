/** A user's client: a WebSocket over a bare socket, all of them reading into one buffer. */
import { connect } from "node:net";
import { type FrameReader, readFrames } from "./frames.ts";
import type { Taken } from "./ledger.ts";

export interface ClientOptions {
  readonly port: number;
  readonly token: string;
  readonly cursor: string | null;
  take(taken: Taken): void;
}

export interface Client {
  /** Resolves with `caught-up` and its cursor; rejects when the connection ends before. */
  readonly caughtUp: Promise<string>;
  /** Cuts the connection. */
  drop(): void;
}

const shared = Buffer.allocUnsafeSlow(256 * 1_024);
const headEnd = Buffer.from("\r\n\r\n");
/** An empty pong, masked as a client must. */
const pong = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);

export function openClient({ port, token, cursor, take }: ClientOptions): Client {
  let resolve = (_: string): void => {};
  let reject = (_: Error): void => {};
  const caughtUp = new Promise<string>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  let upgraded = false;
  let kept: Buffer | null = null;

  const reader: FrameReader = {
    notification: take,
    other(frame) {
      if (frame.type === "caught-up") resolve(frame.cursor ?? "");
      else if (frame.type === "gap") reject(new Error("a gap"));
    },
    ping: () => void socket.write(pong),
    closed: (code) => reject(new Error(`closed with ${code}`)),
  };

  function read(bytes: Buffer, end: number): void {
    let from = 0;
    if (!upgraded) {
      const head = bytes.subarray(0, end).indexOf(headEnd);
      if (head === -1) return keep(bytes, 0, end);
      const status = bytes.toString("latin1", 9, 12);
      if (status !== "101") return reject(new Error(`not upgraded: ${bytes.toString("latin1", 0, end)}`));
      upgraded = true;
      from = head + headEnd.length;
    }
    const rest = from === 0 ? bytes : bytes.subarray(from, end);
    const used = readFrames(rest, end - from, reader);
    keep(rest, used, end - from);
  }

  function keep(bytes: Buffer, from: number, end: number): void {
    kept = from === end ? null : Buffer.from(bytes.subarray(from, end));
  }

  const socket = connect({
    port,
    host: "127.0.0.1",
    noDelay: true,
    onread: {
      buffer: shared,
      callback(size, bytes) {
        const buffer = bytes as Buffer;
        if (kept === null) read(buffer, size);
        else {
          const whole = Buffer.concat([kept, buffer.subarray(0, size)]);
          read(whole, whole.length);
        }
        return true;
      },
    },
  });
  const query = cursor === null ? "" : `?cursor=${cursor}`;
  socket.write(
    `GET /v1/live${query} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: carillon.v1\r\nAuthorization: Bearer ${token}\r\n\r\n`,
  );
  socket.on("error", reject);
  socket.on("close", () => reject(new Error("the connection ended")));
  caughtUp.catch(() => {});
  return { caughtUp, drop: () => socket.destroy() };
}
