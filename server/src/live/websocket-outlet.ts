/**
 * One WebSocket under a session. Small in memory: one object of ours beside those of `ws`, listeners that all
 * connections share, and nothing kept of the request.
 */
import type { Duplex } from "node:stream";
import { type CloseReason, closeCodes } from "@carillon/protocol/close-codes";
import { WebSocket } from "ws";
import type { Clock } from "../clock.ts";
import { readClientFrame } from "./client-frame.ts";
import { websocketEncoding } from "./encoding.ts";
import type { LiveLimits } from "./live.ts";
import type { Encoding, Outlet } from "./outlet.ts";
import type { Session } from "./session.ts";

/** What all connections share, and where a connection turns to. */
export interface WebSocketShared {
  readonly limits: LiveLimits;
  readonly clock: Clock;
  /** The token of the first frame came; `ref` is the frame's. */
  authenticate(outlet: WebSocketOutlet, token: string, ref: number | undefined): void;
  gone(outlet: WebSocketOutlet): void;
}

const messageTooBig = 1009;
const reasonBytes = 123;
const encoder = new TextEncoder();

/** At most 123 bytes fit (RFC 6455, section 5.5); a character is never cut. */
export function clipReason(detail: string): Buffer {
  const clipped = Buffer.alloc(reasonBytes);
  return clipped.subarray(0, encoder.encodeInto(detail, clipped).written);
}

export class LiveSocket extends WebSocket {
  outlet: WebSocketOutlet | null = null;

  /** `ws` closes with 1009 by itself; ours has the code that says whether to come back. */
  override close(code?: number, reason?: string | Buffer): void {
    if (code !== messageTooBig) super.close(code, reason);
    else {
      this.outlet?.refuse("frame-too-large", "a frame was larger than allowed");
      super.close(closeCodes["frame-too-large"].code);
    }
  }
}

const outletOf = Symbol("outlet");
type OwnedSocket = Duplex & { [outletOf]?: WebSocketOutlet };

export class WebSocketOutlet implements Outlet {
  /** Null before the token was found good. */
  session: Session | null = null;
  verifying = false;
  private readonly ws: LiveSocket;
  private readonly socket: OwnedSocket;
  private readonly shared: WebSocketShared;
  private frames: number;
  private countedAt: number;

  constructor(ws: LiveSocket, socket: Duplex, shared: WebSocketShared) {
    this.ws = ws;
    this.socket = socket;
    this.shared = shared;
    this.frames = shared.limits.framesPerSecond * 2;
    this.countedAt = shared.clock.now();
    ws.outlet = this;
    this.socket[outletOf] = this;
    ws.on("message", onMessage);
    ws.on("ping", onSign);
    ws.on("pong", onSign);
    ws.on("error", onError);
    ws.on("close", onClose);
    socket.on("drain", onDrain);
  }

  get encoding(): Encoding {
    return websocketEncoding;
  }

  write(bytes: Buffer): void {
    if (this.ws.readyState === WebSocket.OPEN) this.socket.write(bytes);
  }

  /** What is below the socket's own mark is as good as gone: only beyond it does `drain` follow. */
  queued(): number {
    return this.socket.writableNeedDrain ? this.socket.writableLength : 0;
  }

  close(reason: CloseReason, detail: string): void {
    // The client has begun to close, or its side is gone: there is nobody left to tell.
    if (this.ws.readyState !== WebSocket.OPEN) this.socket.destroy();
    else this.ws.close(closeCodes[reason].code, clipReason(detail));
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** Through the session where there is one, so that it is counted and lets go. */
  refuse(reason: CloseReason, detail: string): void {
    if (this.session === null) this.close(reason, detail);
    else this.session.close(reason, detail);
  }

  /** Tokens in a bucket, filled by the time that has passed. False: too many frames, and the session is closed. */
  admit(): boolean {
    if (this.ws.readyState !== WebSocket.OPEN) return false;
    const { framesPerSecond } = this.shared.limits;
    const now = this.shared.clock.now();
    const filled = this.frames + ((now - this.countedAt) * framesPerSecond) / 1_000;
    this.frames = Math.min(framesPerSecond * 2, filled) - 1;
    this.countedAt = now;
    if (this.frames >= 0) return true;
    this.refuse("too-many-frames", `more than ${framesPerSecond} frames a second`);
    this.ws.pause();
    return false;
  }

  receive(data: Buffer, isBinary: boolean): void {
    if (!this.admit()) return;
    if (isBinary) this.refuse("frame-invalid", "frames are text");
    else if (this.session !== null) this.session.receive(data.toString());
    else if (this.verifying) this.close("frame-invalid", "nothing may follow the token before hello");
    else this.receiveToken(data.toString());
  }

  private receiveToken(text: string): void {
    const frame = readClientFrame(text);
    if ("error" in frame) return this.close("frame-invalid", frame.error);
    if (frame.type !== "auth") return this.close("frame-invalid", "the first frame must be auth");
    this.verifying = true;
    this.shared.authenticate(this, frame.token, frame.ref);
  }

  ended(): void {
    this.session?.ended();
    this.shared.gone(this);
  }
}

function onMessage(this: WebSocket, data: unknown, isBinary: boolean): void {
  (this as LiveSocket).outlet?.receive(data as Buffer, isBinary);
}

function onSign(this: WebSocket): void {
  const outlet = (this as LiveSocket).outlet;
  if (outlet?.admit()) outlet.session?.heard();
}

/** Not a WebSocket frame, not UTF-8, or the socket broke: `ws` answers with its own code where it can. */
function onError(this: WebSocket): void {
  (this as LiveSocket).outlet?.session?.ended();
}

function onClose(this: WebSocket): void {
  (this as LiveSocket).outlet?.ended();
}

function onDrain(this: OwnedSocket): void {
  this[outletOf]?.session?.drained();
}
