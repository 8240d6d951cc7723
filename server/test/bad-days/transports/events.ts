import { get } from "node:http";
import type { ServerFrame } from "@carillon/protocol/frames";
import type { Inbox } from "../inbox.ts";
import type { Line } from "./line.ts";

/** Fields of a block of an event stream (WHATWG HTML, section 9.2), as this server writes them. */
function readBlock(block: string): { readonly id?: string; readonly data?: string } {
  const fields: { id?: string; data?: string } = {};
  for (const line of block.split("\n")) {
    if (line.startsWith("id: ")) fields.id = line.slice(4);
    if (line.startsWith("data: ")) fields.data = `${fields.data ?? ""}${line.slice(6)}`;
  }
  return fields;
}

/** Server-Sent Events, read as an EventSource does: comes back with the last `id`. */
export function openEvents(url: string, token: string, inbox: Inbox): Line {
  const { promise: ended, resolve } = Promise.withResolvers<number | string | null>();
  const lastEventId = inbox.cursor === null ? {} : { "last-event-id": inbox.cursor };
  const headers = { authorization: `Bearer ${token}`, ...lastEventId };
  inbox.opening(inbox.cursor);
  let reason: number | string | null = null;
  const request = get(`${url}/v1/events`, { headers, agent: false }, (incoming) => {
    if (incoming.statusCode !== 200) reason = incoming.statusCode ?? null;
    let rest = "";
    incoming.setEncoding("utf8");
    incoming.on("error", () => {});
    incoming.on("close", () => resolve(reason));
    incoming.on("data", (chunk: string) => {
      inbox.heard();
      const blocks = (rest + chunk).split("\n\n");
      rest = blocks.pop()!;
      for (const { id, data } of blocks.map(readBlock)) {
        if (data !== undefined) {
          const frame = JSON.parse(data) as ServerFrame;
          if (frame.type === "error") reason = frame.code;
          inbox.take(frame);
        }
        if (id !== undefined) inbox.cursor = id;
      }
    });
  });
  request.on("error", () => resolve(reason));
  return { ended, cut: () => request.destroy() };
}
