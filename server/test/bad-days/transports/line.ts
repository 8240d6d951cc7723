import type { Inbox } from "../inbox.ts";

/** One connection, whatever the transport: it feeds an inbox until it ends. */
export interface Line {
  /** Why it ended: a close code, a status, a problem's code, or null where the connection just broke. */
  readonly ended: Promise<number | string | null>;
  /** Breaks it from the client's side. */
  cut(): void;
}

export type OpenLine = (url: string, token: string, inbox: Inbox) => Line;
