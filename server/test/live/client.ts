/** Clients for tests, as plain as can be: what comes is kept in order, and waited for. */
import { type ClientOptions, WebSocket } from "ws";
import { tokenOf } from "./stage.ts";

export interface Frame {
  readonly type: string;
  readonly [member: string]: unknown;
}

export interface WebSocketClient {
  readonly ws: WebSocket;
  readonly frames: Frame[];
  /** The next frame of this type that nobody has waited for. */
  next(type: string): Promise<Frame>;
  /** The `data` of the next so many notifications. */
  data(count: number): Promise<unknown[]>;
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
}

export interface ConnectOptions extends ClientOptions {
  readonly query?: string;
  /** Null: none in the headers. */
  readonly token?: string | null;
  readonly protocols?: string[];
}

export const dataOf = (frame: Frame): unknown => (frame["event"] as { data: unknown }).data;

export function connect(port: number, options: ConnectOptions = {}): WebSocketClient {
  const { query = "", token = tokenOf("ada"), protocols = ["carillon.v1"], ...rest } = options;
  const headers = { ...(token === null ? {} : { authorization: `Bearer ${token}` }), ...rest.headers };
  const ws = new WebSocket(`ws://127.0.0.1:${port}/v1/live${query}`, protocols, { ...rest, headers });
  const frames: Frame[] = [];
  const unread: Frame[] = [];
  let waiting: { type: string; resolve: (frame: Frame) => void; reject: (error: Error) => void }[] = [];

  ws.on("message", (data) => {
    const frame = JSON.parse(String(data)) as Frame;
    frames.push(frame);
    const at = waiting.findIndex(({ type }) => type === frame.type);
    if (at < 0) unread.push(frame);
    else waiting.splice(at, 1)[0]!.resolve(frame);
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    ws.on("close", (code, reason) => resolve({ code, reason: String(reason) }));
  });
  void closed.then(({ code, reason }) => {
    for (const { type, reject } of waiting)
      reject(new Error(`closed with ${code} ${reason} before ${type} came`));
    waiting = [];
  });
  ws.on("error", () => {});

  const next = (type: string): Promise<Frame> => {
    const at = unread.findIndex((frame) => frame.type === type);
    if (at >= 0) return Promise.resolve(unread.splice(at, 1)[0]!);
    return new Promise((resolve, reject) => waiting.push({ type, resolve, reject }));
  };

  return {
    ws,
    frames,
    next,
    async data(count) {
      const data: unknown[] = [];
      while (data.length < count) data.push(dataOf(await next("notification")));
      return data;
    },
    closed,
  };
}

/** The status and the problem with which an upgrade was refused. */
export function refused(port: number, options: ConnectOptions): Promise<{ status: number; body: Frame }> {
  const { ws } = connect(port, options);
  return new Promise((resolve, reject) => {
    ws.on("open", () => reject(new Error("it was not refused")));
    ws.on("unexpected-response", (_, response) => {
      let text = "";
      response.on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as Frame }),
      );
    });
  });
}
