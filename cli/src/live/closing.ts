/** What a close reason means for a client: one reading for close codes and for error frames. Pure. */
import { type CloseReason, closeCodes } from "@carillon/protocol/close-codes";
import { again, type Ended, never } from "./transport.ts";

/** `reason` is a close reason's name; others are taken for a lost connection. */
export function endedFor(reason: string, detail: string): Ended {
  if (!Object.hasOwn(closeCodes, reason)) return again(detail || "the connection was lost");
  const { code, doc } = closeCodes[reason as CloseReason];
  const why = detail || doc;
  if (reason.startsWith("token-")) return { verdict: "token", why, retryMs: 0 };
  return code >= 3_500 ? never(why) : again(why);
}

export function endedWith(code: number, detail: string): Ended {
  const known = Object.entries(closeCodes).find(([, close]) => close.code === code);
  if (known !== undefined) return endedFor(known[0], detail);
  const why = detail || "the connection was lost";
  return code >= 3_500 && code < 4_000 ? never(why) : again(why);
}
