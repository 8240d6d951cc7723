import type { ServerFrame } from "@carillon/protocol/frames";
import type { Inbox } from "../inbox.ts";
import type { Line } from "./line.ts";
import { openRawWebSocket } from "./raw-websocket.ts";

function openWith(url: string, token: string, inbox: Inbox, cursor: string | null, cursors: boolean): Line {
  const query = new URLSearchParams({ cursors: String(cursors), ...(cursor === null ? {} : { cursor }) });
  inbox.opening(cursor);
  const { socket, closed } = openRawWebSocket(url, {
    query: `?${query}`,
    headers: { Authorization: `Bearer ${token}` },
    onText: (text) => inbox.take(JSON.parse(text) as ServerFrame),
  });
  return { ended: closed, cut: () => socket.destroy() };
}

/** Comes back with the newest cursor frame: the tail of a flush may come again. */
export const openWebSocket = (url: string, token: string, inbox: Inbox): Line =>
  openWith(url, token, inbox, inbox.cursor, true);

/** Comes back with a cursor made of what it has: nothing may come again. */
export const openExactWebSocket = (url: string, token: string, inbox: Inbox): Line =>
  openWith(url, token, inbox, inbox.ownCursor(), false);
