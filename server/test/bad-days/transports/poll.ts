import type { ServerFrame } from "@carillon/protocol/frames";
import { ask } from "../ask.ts";
import type { Inbox } from "../inbox.ts";
import type { Line } from "./line.ts";

/** Polls until an answer fails: each answer is taken whole, with its cursor, or not at all. */
export function openPolls(url: string, token: string, inbox: Inbox): Line {
  const abort = new AbortController();
  async function polls(): Promise<number | string | null> {
    for (;;) {
      const query = inbox.cursor === null ? "" : `?cursor=${inbox.cursor}`;
      inbox.opening(inbox.cursor);
      const answer = await ask(`${url}/v1/poll${query}`, { bearer: token, signal: abort.signal });
      if (answer === null) return null;
      inbox.heard();
      if (answer.status !== 200) return answer.status;
      const { cursor, frames } = answer.json as { cursor: string; frames: ServerFrame[] };
      for (const frame of frames) inbox.take(frame);
      inbox.cursor = cursor;
    }
  }
  return { ended: polls(), cut: () => abort.abort() };
}
