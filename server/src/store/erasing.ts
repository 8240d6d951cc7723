/**
 * Names that erasing needs. What is kept of an erased user is a hash of their id, for a month: so that their tokens
 * stay refused, records that were accepted before stay out, and seqs go on. Pure but for chance.
 */
import { createHash, randomUUID } from "node:crypto";
import { partOf } from "@carillon/protocol/partition";
import { type StreamName, userStream } from "@carillon/protocol/stream";

/** How long that is: longer than logs are kept and tokens live. */
export const erasureKeptMs = 30 * 86_400_000;

/** Until so long after an erasure places of devices are not saved: they come from sessions that it ended. */
export const lateMs = 120_000;

/** No user's id has a `#`. */
export const hashOfUser = (user: string): string =>
  `#${createHash("sha256").update(user).digest("base64url")}`;

/** What the user's stream is called from then on: of the same part, because its rows don't move. */
export function nameOfErased(user: string, parts: number): StreamName {
  const part = partOf(userStream(user), parts);
  for (;;) {
    const name = userStream(`erased-${randomUUID()}`);
    if (partOf(name, parts) === part) return name;
  }
}

const first = '{"specversion":"1.0","id":"';
const sent = /^(?:[^"\\]|\\.)*","source":"\/users\/([^"\\]+)"/;

/** Whom of the users a notification is from, as its body says; null where it is from a producer. */
export function authorOf(body: string): string | null {
  if (!body.startsWith(first)) return null;
  return sent.exec(body.slice(first.length, first.length + 2_048))?.[1] ?? null;
}
