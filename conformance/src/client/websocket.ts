/** Sections 6.1 and 6.5: a session over WebSocket, and what a client says on it. */
import type { ReplyFrame } from "@carillon/protocol/frames";
import { WebSocket } from "ws";
import { within } from "./deadline.ts";
import { type FramesIn, makeFrames } from "./frames.ts";
import { type End, queryOf, type Session, type Wanted } from "./session.ts";

export interface WebSocketWanted extends Wanted {
  /** Where the token is said: in the header, in the first frame, or nowhere. */
  readonly says?: "header" | "frame" | "nothing";
  readonly cursors?: boolean;
  readonly query?: Readonly<Record<string, string>>;
}

export interface WebSocketSession extends Session {
  /** Sends a frame: a value as JSON; text as it is, bytes as a binary message. */
  say(frame: unknown): void;
  /** Sends bytes as a text message, whatever they are. */
  sayText(bytes: Buffer): void;
  /** Sends a frame with a `ref` of its own and resolves with its reply. */
  ask(frame: object): Promise<ReplyFrame>;
  ended(ms?: number): Promise<End & { readonly code: number }>;
}

const liveUrl = (url: string, query: string): string => `${url.replace(/^http/, "ws")}/v1/live${query}`;

export function openWebSocket(url: string, wanted: WebSocketWanted): WebSocketSession {
  const { token, says = "header", cursors = false, places } = wanted;
  const frames = makeFrames(places);
  const headers = says === "header" ? { authorization: `Bearer ${token}` } : {};
  const query = queryOf(wanted, { ...wanted.query, ...(cursors ? { cursors: "true" } : {}) });
  const ws = new WebSocket(liveUrl(url, query), ["carillon.v1"], { headers });
  let refs = 0;

  const opened = new Promise<void>((resolve) => ws.once("open", resolve));
  if (says === "frame") void opened.then(() => ws.send(JSON.stringify({ type: "auth", token })));
  ws.on("message", (data, isBinary) => receive(frames, data, isBinary));
  const ended = new Promise<End & { code: number }>((resolve) => {
    ws.on("close", (code, reason) => {
      const detail = String(reason);
      frames.end(`closed with ${code} ${detail}`);
      resolve({ code, detail });
    });
  });
  ws.on("error", (error) => frames.end(error.message));

  const session: WebSocketSession = {
    ...frames,
    transport: "websocket",
    ended: (ms) => within(ended, () => "the WebSocket is still open", ms),
    say(frame) {
      const raw = typeof frame === "string" || frame instanceof Uint8Array;
      void opened.then(() => ws.send(raw ? frame : JSON.stringify(frame)));
    },
    sayText: (bytes) => void opened.then(() => ws.send(bytes, { binary: false })),
    async ask(frame) {
      const ref = refs++;
      session.say({ ...frame, ref });
      for (;;) {
        const reply = await session.next("reply");
        if (reply.ref === ref) return reply;
      }
    },
    [Symbol.dispose]: () => ws.terminate(),
  };
  return session;
}

function receive(frames: FramesIn, data: unknown, isBinary: boolean): void {
  if (isBinary) return frames.end("a binary message came");
  try {
    frames.push(JSON.parse(String(data)));
  } catch (error) {
    frames.end(`${error}: ${data}`);
  }
}

export interface Handshake {
  readonly query?: string;
  readonly protocols?: readonly string[];
  readonly headers?: Record<string, string>;
}

export interface Refusal {
  readonly status: number;
  readonly mediaType: string;
  readonly body: unknown;
}

/** The answer to a handshake that is refused; rejects where it isn't. */
export function refusedWebSocket(url: string, wanted: Handshake): Promise<Refusal> {
  const { query = "", protocols = ["carillon.v1"], headers = {} } = wanted;
  const ws = new WebSocket(liveUrl(url, query), [...protocols], { headers });
  const { promise, resolve, reject } = Promise.withResolvers<Refusal>();
  ws.on("error", reject);
  ws.on("open", () => {
    ws.terminate();
    reject(new Error("the handshake was taken"));
  });
  ws.on("unexpected-response", async (_, response) => {
    let text = "";
    for await (const chunk of response) text += chunk;
    resolve({
      status: response.statusCode ?? 0,
      mediaType: response.headers["content-type"] ?? "",
      body: JSON.parse(text),
    });
  });
  return within(promise, () => "no answer to the handshake");
}
