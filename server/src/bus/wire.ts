/**
 * How messages travel between processes: text, one message behind the other, each of them told by its first
 * letter and ending where its counts say. A payload begins with the version of this format.
 *
 *   r<stream> <acceptedAt> <committedAt> <first seq> <rows> then a row: <kind, + 4 with receipt> <expiresAt or -> <length or -> <body>
 *   h<stream> <head>    c<stream> <rev>    w<stream> <seq> <rev>    e<stream> <length> <body>
 *   v<until> <issuedBefore or -> <length> <JSON of [user, token id]>
 *   x<user>
 *   q<asker> <id> <user>    p<stream> <id> <count> <length> <JSON of [[session, transport, since, device, 1 or 0], ...]>
 *
 * Every field but a body ends with a space; stream names have none. Lengths are of UTF-16 units, as strings have
 * them. A body goes as it is: quoting it as a string of JSON would cost several times of all the rest.
 */
import { isStreamName, type StreamName } from "@carillon/protocol/stream";
import { Kind, type Row } from "../store/streams.ts";
import { type BusMessage, everywhere, type PresentSession } from "./driver.ts";

export const wireVersion = "1";

const receiptFlag = 4;

const encodeRow = ({ kind, receipt, expiresAt, body }: Row): string =>
  `${receipt ? kind + receiptFlag : kind} ${expiresAt ?? "-"} ${body === null ? "- " : `${body.length} ${body}`}`;

/** One message without the version, which stands once before all messages of a payload. */
export function encodeMessage(message: BusMessage): string {
  switch (message.type) {
    case "rows": {
      const { stream, rows, acceptedAt, committedAt } = message;
      let text = `r${stream} ${acceptedAt} ${committedAt} ${rows[0]?.seq ?? 0} ${rows.length} `;
      for (const row of rows) text += encodeRow(row);
      return text;
    }
    case "head":
      return `h${message.stream} ${message.head} `;
    case "changed":
      return `c${message.stream} ${message.rev} `;
    case "withdrawn":
      return `w${message.stream} ${message.seq} ${message.rev} `;
    case "ephemeral":
      return `e${message.stream} ${message.body.length} ${message.body}`;
    case "revoked": {
      const { user, tokenId, issuedBefore, until } = message.revocation;
      const place = JSON.stringify([user, tokenId]);
      return `v${until} ${issuedBefore ?? "-"} ${place.length} ${place}`;
    }
    case "erased":
      return `x${message.user} `;
    case "asked":
      return `q${message.asker} ${message.id} ${message.user} `;
    case "present": {
      const sessions = JSON.stringify(message.sessions.map(packSession));
      return `p${message.stream} ${message.id} ${message.count} ${sessions.length} ${sessions}`;
    }
  }
}

const packSession = ({ session, transport, since, device, lingers }: PresentSession) => [
  session,
  transport,
  since,
  device,
  lingers ? 1 : 0,
];

interface Reading {
  readonly text: string;
  at: number;
}

/** What is read isn't what `encodeMessage` writes: cut short, of another version, or somebody else's. */
class Unreadable extends Error {}

function field(reading: Reading): string {
  const end = reading.text.indexOf(" ", reading.at);
  if (end < 0) throw new Unreadable();
  const value = reading.text.slice(reading.at, end);
  reading.at = end + 1;
  return value;
}

function time(reading: Reading): number {
  const text = field(reading);
  const value = Number(text);
  if (text === "" || !Number.isFinite(value)) throw new Unreadable();
  return value;
}

function whole(reading: Reading): number {
  const value = time(reading);
  if (!Number.isSafeInteger(value) || value < 0) throw new Unreadable();
  return value;
}

const isNull = ({ text, at }: Reading): boolean => text[at] === "-" && text[at + 1] === " ";

function orNull<T>(reading: Reading, read: (reading: Reading) => T): T | null {
  if (!isNull(reading)) return read(reading);
  reading.at += 2;
  return null;
}

function body(reading: Reading): string {
  const from = whole(reading) + reading.at;
  if (from > reading.text.length) throw new Unreadable();
  const value = reading.text.slice(reading.at, from);
  reading.at = from;
  return value;
}

function stream(reading: Reading): StreamName {
  const name = field(reading);
  if (!isStreamName(name)) throw new Unreadable();
  return name;
}

function row(reading: Reading, seq: number): Row {
  const flags = whole(reading);
  const kind = flags % receiptFlag;
  if (flags >= 2 * receiptFlag || kind > Kind.tombstone) throw new Unreadable();
  const expiresAt = orNull(reading, time);
  const text = orNull(reading, body);
  if ((text === null) !== (kind === Kind.tombstone)) throw new Unreadable();
  return { seq, kind: kind as Kind, expiresAt, receipt: flags >= receiptFlag, body: text };
}

function rows(reading: Reading): BusMessage {
  const name = stream(reading);
  const acceptedAt = time(reading);
  const committedAt = time(reading);
  const first = whole(reading);
  const count = whole(reading);
  const list: Row[] = [];
  for (let at = 0; at < count; at++) list.push(row(reading, first + at));
  return { type: "rows", stream: name, rows: list, acceptedAt, committedAt };
}

function revoked(reading: Reading): BusMessage {
  const until = time(reading);
  const issuedBefore = orNull(reading, time);
  const [user, tokenId] = names(body(reading));
  if (user === undefined || tokenId === undefined) throw new Unreadable();
  return { type: "revoked", stream: everywhere, revocation: { user, tokenId, issuedBefore, until } };
}

function names(text: string): (string | null)[] {
  const value = jsonIn(text);
  const isName = (item: unknown) => item === null || typeof item === "string";
  return Array.isArray(value) && value.every(isName) ? value : [];
}

function present(reading: Reading): BusMessage {
  const to = field(reading) as StreamName;
  const id = field(reading);
  const count = whole(reading);
  return { type: "present", stream: to, id, count, sessions: sessionsIn(body(reading)) };
}

type PackedSession = [string, PresentSession["transport"], number, string | null, 0 | 1];

function sessionsIn(text: string): PresentSession[] {
  const packed = jsonIn(text);
  if (!Array.isArray(packed)) throw new Unreadable();
  return (packed as PackedSession[]).map(([session, transport, since, device, lingers]) => ({
    session,
    transport,
    since,
    device,
    lingers: lingers === 1,
  }));
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function message(reading: Reading): BusMessage {
  switch (reading.text[reading.at++]) {
    case "r":
      return rows(reading);
    case "h":
      return { type: "head", stream: stream(reading), head: whole(reading) };
    case "c":
      return { type: "changed", stream: stream(reading), rev: whole(reading) };
    case "w":
      return { type: "withdrawn", stream: stream(reading), seq: whole(reading), rev: whole(reading) };
    case "v":
      return revoked(reading);
    case "x":
      return { type: "erased", stream: everywhere, user: field(reading) };
    case "q":
      return {
        type: "asked",
        stream: everywhere,
        asker: field(reading),
        id: field(reading),
        user: field(reading),
      };
    case "p":
      return present(reading);
    case "e":
      return { type: "ephemeral", stream: stream(reading), body: body(reading) };
    default:
      throw new Unreadable();
  }
}

/** The messages of a payload; null when it isn't one of this version, whole to its end. */
export function decodePayload(text: string): BusMessage[] | null {
  if (!text.startsWith(wireVersion)) return null;
  const reading = { text, at: wireVersion.length };
  const messages: BusMessage[] = [];
  try {
    while (reading.at < text.length) messages.push(message(reading));
    return messages;
  } catch (reason) {
    if (reason instanceof Unreadable) return null;
    throw reason;
  }
}
