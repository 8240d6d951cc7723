import type { Inbox } from "@carillon/protocol/answers";
import { nearest } from "@carillon/protocol/nearest";
import { parseDuration } from "@carillon/protocol/timestamp";
import { ask } from "./api.ts";
import { acts, markOf } from "./inbox-marks.ts";
import { notificationLine } from "./notification-line.ts";
import { findTarget, targetFlags } from "./target.ts";
import { issueToken } from "./token.ts";
import { topicOf } from "./topic.ts";
import { userOf } from "./user-id.ts";
import { type Given, UsageError, verb } from "./verb.ts";

const flags = {
  unread: { type: "boolean", doc: "Only what is not read." },
  archived: { type: "boolean", doc: "Only what is archived; without it that is left out." },
  silent: { type: "boolean", doc: "Silent ones too." },
  own: { type: "boolean", doc: "The user's own stream alone." },
  topic: { type: "string", value: "NAME", doc: "Of this topic; several may be given.", multiple: true },
  type: { type: "string", value: "TYPE", doc: "Of exactly this type." },
  source: { type: "string", value: "SOURCE", doc: "From exactly this source." },
  since: { type: "string", value: "TIME", doc: "Stored since this time, or this long ago: 24h." },
  limit: { type: "string", value: "N", doc: "How many at most, 1 to 100; 50 when absent." },
  all: { type: "boolean", doc: "All of them, page by page; with an act, everything that there is." },
  "up-to": { type: "string", value: "SEQ", doc: "With an act: everything in the stream up to this place." },
  token: {
    type: "string",
    value: "TOKEN",
    doc: "The user's token; CARILLON_TOKEN, else one is got with the API key.",
  },
  json: { type: "boolean", doc: "Print items as they came, one JSON object a line." },
  ...targetFlags,
} as const;

export const inbox = verb({
  name: "inbox",
  summary: "print what a user sees, newest first, or mark it as read or archived",
  usage: [
    "user:42 [--unread] [--archived] [--topic builds] [--since 24h] [--limit N | --all] [--json]",
    "read|unread|archive|unarchive user:42 STREAM SEQ [...]",
    "read|archive user:42 STREAM --up-to SEQ",
    "read|archive user:42 --all",
  ],
  flags,
  words: [1, 260],
  more: () =>
    "A line is marked with * where it is not read, and with - where it is archived. A user who is called as an act\n" +
    "is, such as read, is named in full: user:read.",
  async run(given, words, world) {
    const act = acts.find(({ name }) => name === words[0]);
    const [name, ...rest] = act === undefined ? words : words.slice(1);
    if (name === undefined) throw new UsageError("whose?");
    if (act === undefined && rest.length > 0) throw new UsageError(unknown(words[0]!));
    const user = userOf(name);
    const change = act === undefined ? null : markOf(act, user, rest, given);
    const query = act === undefined ? queryOf(given, Date.now()) : null;
    const target = findTarget(given, world);
    const own = given.token ?? world.env["CARILLON_TOKEN"];
    const credential = own ?? (await issueToken(target, user, "1h", 0)).token;

    if (act !== undefined) {
      const url = `${target.url}/v1/${act.kind}`;
      const answer = await ask({ method: "POST", url, credential, body: change, patienceMs: 0 });
      world.out(given.json ? `${JSON.stringify(answer)}\n` : `${act.done}\n`);
      return "done";
    }
    const most = given.all ? Number.POSITIVE_INFINITY : Number(query!.get("limit") ?? 50);
    let shown = 0;
    for (let before: string | null = ""; before !== null && shown < most; ) {
      if (before !== "") query!.set("before", before);
      const url = `${target.url}/v1/inbox?${query}`;
      const page = (await ask({ method: "GET", url, credential, patienceMs: 0 })) as Inbox;
      for (const item of page.items.slice(0, most - shown))
        world.out(given.json ? `${JSON.stringify(item)}\n` : lineOf(item));
      shown += page.items.length;
      before = page.before;
    }
    return "done";
  },
});

const lineOf = ({ stream, seq, event, read, archived }: Inbox["items"][number]): string =>
  `${read ? " " : "*"}${archived ? "-" : " "} ${notificationLine({ stream, seq, event })}`;

function queryOf(given: Given<typeof flags>, now: number): URLSearchParams {
  const { limit, since, type, source, topic = [] } = given;
  if (limit !== undefined && !(/^\d+$/.test(limit) && Number(limit) >= 1 && Number(limit) <= 100))
    throw new UsageError("--limit needs a whole number from 1 to 100");
  if (limit !== undefined && given.all) throw new UsageError("one of --limit and --all");
  if (given["up-to"] !== undefined) throw new UsageError("--up-to goes with read and archive");
  const query = new URLSearchParams(topic.map((name) => ["topic", topicOf(name)]));
  for (const name of ["unread", "archived", "silent", "own"] as const)
    if (given[name]) query.set(name, "true");
  const ago = since === undefined ? null : parseDuration(since);
  for (const [name, value] of Object.entries({
    type,
    source,
    limit: given.all ? "100" : limit,
    since: ago === null ? since : new Date(now - ago).toISOString(),
  }))
    if (value !== undefined) query.set(name, value);
  return query;
}

function unknown(word: string): string {
  const meant = nearest(
    word,
    acts.map(({ name }) => name),
  );
  return `there is no ${word} for inboxes${meant === null ? "" : `; did you mean ${meant}?`}`;
}
