/**
 * Accepting, as a decision: what a notification from this producer becomes. Nothing is looked up and nothing is
 * written here.
 */
import { expiresAt, toEvent } from "@carillon/protocol/event";
import type { Notification } from "@carillon/protocol/notification";
import { type Problem, problem } from "@carillon/protocol/problems";
import { isTopicStream, ownerOf, type StreamName } from "@carillon/protocol/stream";
import { maySendAs } from "../access/principal.ts";
import type { LogRecord } from "../log/driver.ts";
import type { ApiKey } from "../store/access.ts";
import { contentDigest, identityKey } from "./identity.ts";

export interface Circumstances {
  readonly key: ApiKey;
  /** In milliseconds since the epoch. */
  readonly now: number;
  /** Topics that don't exist, of those that the notification may name. */
  readonly missing: ReadonlySet<string>;
  /** The largest event, in bytes of JSON; the protocol's bound or less. */
  readonly sizeBytes: number;
}

export type Decision =
  | {
      readonly ok: false;
      readonly id: string;
      readonly source: string | undefined;
      readonly problem: Problem;
    }
  | {
      readonly ok: true;
      readonly id: string;
      readonly source: string;
      readonly ephemeral: boolean;
      /** One for each recipient that exists, in the order of `to`; all share one body. */
      readonly records: readonly LogRecord[];
      /** Recipients that don't exist. */
      readonly unknown: readonly StreamName[];
    };

/** `id` is the notification's own, or what stands for it. */
export function accept(notification: Notification, id: string, circumstances: Circumstances): Decision {
  const { key, now, missing, sizeBytes } = circumstances;
  const source = notification.source ?? onlySource(key);
  if (source === undefined) return { ok: false, id, source, problem: sourceMissing };
  if (!maySendAs(key, source)) return { ok: false, id, source, problem: sourceForbidden(key) };

  const expires = expiresAt(notification, now);
  const time = notification.time ?? timestamp(now);
  const body = toEvent(notification, { id, source, time, expiresAt: expires });
  if (isLarger(body, sizeBytes)) return { ok: false, id, source, problem: tooLarge(sizeBytes) };

  const name = identityKey(source, id);
  const digest = contentDigest(notification);
  const records: LogRecord[] = [];
  const unknown: StreamName[] = [];
  for (const stream of notification.to) {
    if (missing.size > 0 && isTopicStream(stream) && missing.has(ownerOf(stream))) {
      unknown.push(stream);
      continue;
    }
    records.push({
      stream,
      key: name,
      digest,
      silent: notification.silent === true,
      collapseKey: notification.collapseKey ?? null,
      expiresAt: expires,
      receipt: notification.receipt === true,
      acceptedAt: now,
      body,
    });
  }
  return { ok: true, id, source, ephemeral: notification.ephemeral === true, records, unknown };
}

/** A batch has one time, and writing it out anew is a tenth of what accepting costs. */
const written = { now: Number.NaN, text: "" };
const timestamp = (now: number): string => {
  if (now !== written.now) {
    written.now = now;
    written.text = new Date(now).toISOString();
  }
  return written.text;
};

const onlySource = ({ sources }: ApiKey): string | undefined =>
  sources.length === 1 && !sources[0]!.endsWith("*") ? sources[0] : undefined;

/** A character takes 1 to 3 bytes, so most are settled without counting. */
const isLarger = (body: string, sizeBytes: number): boolean =>
  body.length > sizeBytes || (body.length * 3 > sizeBytes && Buffer.byteLength(body) > sizeBytes);

const sourceMissing = problem("body-invalid", "/source is missing", {
  errors: [
    { pointer: "/source", detail: "is missing: this API key has no single source that could stand for it" },
  ],
});

const sourceForbidden = (key: ApiKey): Problem =>
  problem("source-forbidden", `the key ${key.name} may not send as this source`, {
    errors: [{ pointer: "/source", detail: "is not among the key's sources" }],
  });

const tooLarge = (sizeBytes: number): Problem =>
  problem("notification-too-large", `more than ${sizeBytes} bytes as a CloudEvent in JSON`);
