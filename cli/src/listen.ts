import { decodeCursor } from "@carillon/protocol/cursor";
import type { ServerFrame } from "@carillon/protocol/frames";
import { RefusedError } from "./api.ts";
import { makeCursorFile } from "./cursor-file.ts";
import { follow } from "./live/follow.ts";
import { overPoll } from "./live/poll.ts";
import { overSse } from "./live/sse.ts";
import type { Transport } from "./live/transport.ts";
import { overWebSocket } from "./live/websocket.ts";
import { notificationLine } from "./notification-line.ts";
import { findTarget, targetFlags } from "./target.ts";
import { issueToken } from "./token.ts";
import { userOf } from "./user-id.ts";
import { UsageError, verb } from "./verb.ts";

const transports: Readonly<Record<string, Transport>> = {
  websocket: overWebSocket,
  sse: overSse,
  poll: overPoll,
};

const renewAfterMs = 30 * 60_000;

export const listen = verb({
  name: "listen",
  summary: "print a user's notifications as they come, from where was left off",
  usage: ["user:42 [--cursor-file FILE] [--count N] [--transport websocket|sse|poll] [--json]"],
  flags: {
    transport: { type: "string", value: "NAME", doc: "websocket (when absent), sse or poll." },
    count: { type: "string", value: "N", doc: "End after N notifications." },
    cursor: { type: "string", value: "CURSOR", doc: "Start from this place." },
    "cursor-file": {
      type: "string",
      value: "FILE",
      doc: "Start from the place in this file where there is one, and keep it there.",
    },
    device: { type: "string", value: "NAME", doc: "Let the server remember how far this device is." },
    token: {
      type: "string",
      value: "TOKEN",
      doc: "The user's token; CARILLON_TOKEN, else one is got with the API key.",
    },
    json: {
      type: "boolean",
      doc: "Print frames as they came, one JSON object a line: notifications and gaps.",
    },
    ...targetFlags,
  },
  words: [1, 1],
  more: () =>
    "Notifications go to standard output; what happens to the connection goes to standard error. It comes back by\n" +
    "itself when the connection or the server is lost, with nothing missing and nothing twice.",
  async run(given, [name], world) {
    const user = userOf(name!);
    const transport = transports[given.transport ?? "websocket"];
    if (transport === undefined)
      throw new UsageError(`--transport ${given.transport} is none of ${Object.keys(transports).join(", ")}`);
    const count = given.count === undefined ? Number.POSITIVE_INFINITY : Number(given.count);
    if (!(count >= 1) || (given.count !== undefined && !Number.isSafeInteger(count))) {
      throw new UsageError("--count needs a whole number from 1");
    }
    if (given.cursor !== undefined && given["cursor-file"] !== undefined)
      throw new UsageError("one of --cursor and --cursor-file");
    // A server that stops takes its address out of the data directory: it is awaited where it was.
    let last: string | undefined;
    const target = () => {
      const found = findTarget(given, world, last);
      last = found.url;
      return found;
    };
    const own = given.token ?? world.env["CARILLON_TOKEN"];
    const file = given["cursor-file"] === undefined ? null : makeCursorFile(given["cursor-file"]);
    const cursor = given.cursor ?? file?.read() ?? null;
    if (cursor !== null && decodeCursor(cursor).error !== undefined) {
      throw new UsageError(`the cursor is ${decodeCursor(cursor).error}; start without it`);
    }

    const stop = new AbortController();
    const interrupted = () => stop.abort();
    process.once("SIGINT", interrupted);
    process.once("SIGTERM", interrupted);
    let shown = 0;
    let unread = "";
    const show = (frame: ServerFrame) => {
      if (frame.type === "hello") unread = `, ${frame.unread.total} unread`;
      else if (frame.type === "notification") {
        shown++;
        world.out(given.json ? `${JSON.stringify(frame)}\n` : notificationLine(frame));
      } else if (frame.type === "gap") {
        if (given.json) world.out(`${JSON.stringify(frame)}\n`);
        world.err(`gap in ${frame.stream}: ${frame.from} to ${frame.to} (${frame.reason})\n`);
      }
    };
    const reason = await follow({
      url: () => target().url,
      transport,
      token:
        own === undefined ? async () => (await issueToken(target(), user, "1h", 0)).token : async () => own,
      tokenRenews: own === undefined,
      renewAfterMs,
      cursor,
      device: given.device ?? null,
      signal: stop.signal,
      frame(frame, place) {
        if (stop.signal.aborted) return;
        show(frame);
        if (place !== null) file?.keep(place);
        if (shown >= count) stop.abort();
      },
      state(state) {
        if (state.is === "connected") world.err(`connected to ${target().url} as user:${user}${unread}\n`);
        else world.err(`${state.why}; reconnecting in ${(state.inMs / 1_000).toFixed(1)} s\n`);
      },
    });
    file?.write();
    if (reason !== null) throw new RefusedError(reason, null);
    return "done";
  },
});
