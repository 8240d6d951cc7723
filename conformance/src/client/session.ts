/** A session of a client, whatever the transport. */
import type { Frames } from "./frames.ts";
import type { Places } from "./places.ts";

export const transports = ["websocket", "sse", "poll"] as const;
export type Transport = (typeof transports)[number];

export interface Wanted {
  readonly token: string;
  readonly cursor?: string;
  readonly device?: string;
  /** Goes on from what was shown in earlier sessions. */
  readonly places?: Places;
}

/** How a session ended: a close code on WebSocket, an `error` frame's code on SSE, a problem's on polling. */
export interface End {
  readonly code: string | number;
  readonly detail: string;
}

export interface Session extends Frames, Disposable {
  readonly transport: Transport;
  /** Resolves when it has ended; rejects when it goes on for longer. */
  ended(ms?: number): Promise<End>;
}

export function queryOf({ cursor, device }: Wanted, more: Record<string, string> = {}): string {
  const query = new URLSearchParams(more);
  if (cursor !== undefined) query.set("cursor", cursor);
  if (device !== undefined) query.set("device", device);
  return query.size === 0 ? "" : `?${query}`;
}
