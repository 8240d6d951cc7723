import { openPoll } from "./poll.ts";
import type { Session, Transport, Wanted } from "./session.ts";
import { openSse } from "./sse.ts";
import { openWebSocket } from "./websocket.ts";

/** A session over any of the transports, with cursors on each. */
export function openSession(transport: Transport, url: string, wanted: Wanted): Session {
  if (transport === "websocket") return openWebSocket(url, { ...wanted, cursors: true });
  return transport === "sse" ? openSse(url, wanted) : openPoll(url, wanted);
}
