/**
 * Accepting, as a decision: what a notification from this sender becomes. Nothing is looked up and nothing is
 * written here.
 */
import { expiresAt, toEvent } from "@carillon/protocol/event";
import type { Notification } from "@carillon/protocol/notification";
import { type Problem, problem } from "@carillon/protocol/problems";
import { isTopicStream, ownerOf, type StreamName } from "@carillon/protocol/stream";
import { maySendAs } from "../access/principal.ts";
import type { LogRecord } from "../log/driver.ts";
import type { ApiKey } from "../store/access.ts";
import { type Asker, isInactive, noTopic, notMember } from "./authority.ts";
import { contentDigest, identityKey } from "./identity.ts";
import type { Terms } from "./known-topics.ts";

export interface Circumstances {
  readonly by: Asker;
  /** In milliseconds since the epoch. */
  readonly now: number;
  /** Of every topic that the notification names; null: it doesn't exist. */
  readonly topics: ReadonlyMap<string, Terms | null>;
  /** Where it is for some of those who follow a topic: whether a user does. */
  readonly follows: (topic: string, user: string) => boolean;
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
      /**
       * One for each recipient that isn't refused, in the order of `to`; all of one expiry share one body. The expiry
       * is settled here, the earlier of the notification's and its topic's: a log that is read again finds it so.
       */
      readonly records: readonly LogRecord[];
      /** Recipients that don't get it, and why. */
      readonly refused: ReadonlyMap<StreamName, Problem>;
    };

const nobody: ReadonlyMap<StreamName, Problem> = new Map();

/** `id` is the notification's own, or what stands for it. */
export function accept(notification: Notification, id: string, circumstances: Circumstances): Decision {
  const { by, now, topics, sizeBytes } = circumstances;
  const source = sourceOf(notification, by);
  if (typeof source !== "string") return { ok: false, id, source: notification.source, problem: source };

  const ephemeral = notification.ephemeral === true;
  const expires = expiresAt(notification, now);
  const time = notification.time ?? timestamp(now);
  const whole = toEvent(notification, { id, source, time, expiresAt: expires });
  if (isLarger(whole, sizeBytes)) return { ok: false, id, source, problem: tooLarge(sizeBytes) };
  /** Those that a topic lets expire sooner. */
  const sooner = new Map<number, string>();
  const soonerBody = (at: number): string => {
    const body = sooner.get(at) ?? toEvent(notification, { id, source, time, expiresAt: at });
    sooner.set(at, body);
    return body;
  };

  const name = identityKey(source, id);
  const digest = contentDigest(notification);
  const records: LogRecord[] = [];
  let refused: Map<StreamName, Problem> | null = null;
  for (const stream of notification.to) {
    const topic = isTopicStream(stream) ? ownerOf(stream) : notification.topic;
    const terms = topic === undefined ? undefined : (topics.get(topic) ?? null);
    const why = topic === undefined ? null : whyNot(stream, topic, terms ?? null, circumstances);
    if (why !== null) {
      refused ??= new Map();
      refused.set(stream, why);
      continue;
    }
    const keepMs = ephemeral ? null : (terms?.keepMs ?? null);
    const kept = keepMs !== null && (expires === null || now + keepMs < expires) ? now + keepMs : null;
    records.push({
      stream,
      key: name,
      digest,
      silent: notification.silent === true,
      collapseKey: notification.collapseKey ?? null,
      expiresAt: kept ?? expires,
      receipt: notification.receipt === true,
      acceptedAt: now,
      body: kept === null ? whole : soonerBody(kept),
    });
  }
  for (const body of sooner.values()) {
    if (isLarger(body, sizeBytes)) return { ok: false, id, source, problem: tooLarge(sizeBytes) };
  }
  return { ok: true, id, source, ephemeral, records, refused: refused ?? nobody };
}

function whyNot(
  stream: StreamName,
  topic: string,
  terms: Terms | null,
  { follows }: Circumstances,
): Problem | null {
  if (terms === null) return noTopic(topic);
  if (!terms.active) return isInactive(topic);
  if (isTopicStream(stream) || follows(topic, ownerOf(stream))) return null;
  return notMember(ownerOf(stream), topic);
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

/** Where users' notifications come from, each user's from a source of their own. */
const ofUsers = "/users/";

/** As whom it is sent, or why it can't be. */
function sourceOf({ source }: Notification, by: Asker): string | Problem {
  if (by.kind === "client") {
    const own = `${ofUsers}${by.user}`;
    return source === undefined || source === own ? own : notOwnSource(own);
  }
  const given = source ?? onlySource(by.key);
  if (given === undefined) return sourceMissing;
  if (given.startsWith(ofUsers)) return sourceOfUsers;
  return maySendAs(by.key, given) ? given : sourceForbidden(by.key);
}

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

const sourceOfUsers = problem("source-forbidden", `what begins with ${ofUsers} comes from users alone`, {
  errors: [{ pointer: "/source", detail: `must not begin with ${ofUsers}, whatever the key's sources` }],
});

const notOwnSource = (own: string): Problem =>
  problem("source-forbidden", `the user sends as ${own}`, {
    errors: [{ pointer: "/source", detail: `must be ${own}, or absent` }],
  });

const tooLarge = (sizeBytes: number): Problem =>
  problem("notification-too-large", `more than ${sizeBytes} bytes as a CloudEvent in JSON`);
