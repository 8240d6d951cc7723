/** What a transport does: one connection, from opening to its end. */
import type { ServerFrame } from "@carillon/protocol/frames";

/** What to do after a connection has ended. */
export type Verdict =
  /** Come back with the cursor, after a while. */
  | "again"
  /** Come back with another token. */
  | "token"
  /** Don't come back this way. */
  | "never";

export interface Ended {
  readonly verdict: Verdict;
  /** For people. */
  readonly why: string;
  /** Not sooner than this, where the server said so. */
  readonly retryMs: number;
}

export interface Connecting {
  /** http: or https:, without a slash at its end. */
  readonly url: string;
  readonly token: string;
  readonly cursor: string | null;
  readonly device: string | null;
  /** Ends the connection; its reason is an Ended. */
  readonly signal: AbortSignal;
  readonly frame: (frame: ServerFrame) => void;
  /** Where the transport has no `hello`: a cursor that will be true after the frames that follow, and is now. */
  readonly cursorWillBe: (cursor: string) => void;
  readonly cursorIs: (cursor: string) => void;
  /** Takes a way to speak to the server, where there is one. */
  readonly speak: (say: (frame: object) => void) => void;
}

/** Resolves when the connection has ended or could not be made; never rejects. */
export type Transport = (connecting: Connecting) => Promise<Ended>;

/** How long nothing may come before a connection counts as dead, until `hello` says more. */
export const silenceMs = 60_000;
export const connectMs = 10_000;

export const again = (why: string, retryMs = 0): Ended => ({ verdict: "again", why, retryMs });
export const never = (why: string): Ended => ({ verdict: "never", why, retryMs: 0 });

/** The address of a live resource, with what the client wants in its query. */
export function address(
  { url, cursor, device }: Connecting,
  path: string,
  more: Readonly<Record<string, string>> = {},
): string {
  const query = new URLSearchParams(more);
  if (cursor !== null) query.set("cursor", cursor);
  if (device !== null) query.set("device", device);
  return query.size === 0 ? `${url}${path}` : `${url}${path}?${query}`;
}
