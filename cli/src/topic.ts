import type { Grant, Topic } from "@carillon/protocol/answers";
import { nearest } from "@carillon/protocol/nearest";
import { isName } from "@carillon/protocol/stream";
import { type Ask, ask } from "./api.ts";
import { findTarget, keyOf, targetFlags } from "./target.ts";
import { policyFlags, policyOf } from "./topic-policy.ts";
import { userOf } from "./user-id.ts";
import { UsageError, verb } from "./verb.ts";

type Say = (answer: unknown) => string;

interface Act {
  readonly name: string;
  /** Words behind the topic's name. */
  readonly users: boolean;
  readonly topic: boolean;
  /** Whether it takes what a topic is to be: it may be said, or has to be. */
  readonly policy?: "may" | "must";
  readonly method: Ask["method"];
  readonly path: (topic: string, user: string) => string;
  readonly say: Say;
}

const of = (topic: string) => `/v1/topics/${encodeURIComponent(topic)}`;
const subscribersOf = (topic: string) => `${of(topic)}/subscribers`;
const grantsOf = (topic: string) => `${of(topic)}/grants`;
const grantOf = (topic: string, user: string) => `${grantsOf(topic)}/${encodeURIComponent(user)}`;
const one = (topic: string, user: string) => `${subscribersOf(topic)}/${encodeURIComponent(user)}`;

const acts: readonly Act[] = [
  {
    name: "create",
    topic: true,
    users: false,
    policy: "may",
    method: "PUT",
    path: of,
    say: (answer) => lineOf(answer as Topic),
  },
  {
    name: "change",
    topic: true,
    users: false,
    policy: "must",
    method: "PATCH",
    path: of,
    say: (answer) => lineOf(answer as Topic),
  },
  { name: "delete", topic: true, users: false, method: "DELETE", path: of, say: () => "deleted" },
  {
    name: "show",
    topic: true,
    users: false,
    method: "GET",
    path: of,
    say: (answer) => lineOf(answer as Topic),
  },
  {
    name: "list",
    topic: false,
    users: false,
    method: "GET",
    path: () => "/v1/topics",
    say: (answer) => (answer as { topics: Topic[] }).topics.map(lineOf).join("\n"),
  },
  { name: "subscribe", topic: true, users: true, method: "PUT", path: one, say: () => "subscribed" },
  { name: "unsubscribe", topic: true, users: true, method: "DELETE", path: one, say: () => "unsubscribed" },
  {
    name: "subscribers",
    topic: true,
    users: false,
    method: "GET",
    path: subscribersOf,
    say: (answer) =>
      (answer as { subscribers: { user: string }[] }).subscribers
        .map(({ user }) => `user:${user}`)
        .join("\n"),
  },
  { name: "grant", topic: true, users: true, method: "PUT", path: grantOf, say: () => "granted" },
  { name: "revoke", topic: true, users: true, method: "DELETE", path: grantOf, say: () => "revoked" },
  {
    name: "grants",
    topic: true,
    users: false,
    method: "GET",
    path: grantsOf,
    say: (answer) =>
      (answer as { grants: Grant[] }).grants
        .map(({ user, created }) => `user:${user}  since ${created}`)
        .join("\n"),
  },
];

export const topic = verb({
  name: "topic",
  summary: "make and delete topics, and say who follows and who publishes",
  usage: [
    "create|change builds [--subscribe open] [--publish subscribers] [--keep 7d] [--inactive]",
    "delete|show|subscribers|grants builds",
    "subscribe|unsubscribe|grant|revoke builds user:42 [...]",
    "list",
  ],
  flags: {
    after: {
      type: "string",
      value: "NAME",
      doc: "With list, subscribers and grants: what comes behind this name.",
    },
    ...policyFlags,
    json: { type: "boolean", doc: "Print the server's answers, one a line." },
    ...targetFlags,
  },
  words: [1, 1_000],
  more: () =>
    "`create` makes a topic, or leaves one that is there as it is; with flags it replaces what that one is.\n`change` changes what the flags say, and nothing else.\n`list`, `subscribers` and `grants` print a page; `--after` with the last name gets the next.",
  async run(given, [word, ...rest], world) {
    const act = acts.find(({ name }) => name === word);
    if (act === undefined) throw new UsageError(unknown(word!));
    const [name = "", ...users] = act.topic
      ? rest.map((each, at) => (at === 0 ? topicOf(each) : userOf(each)))
      : [];
    if (act.topic && name === "") throw new UsageError("which topic?");
    if (act.users !== users.length > 0)
      throw new UsageError(act.users ? "which user?" : `${word} takes no user`);
    const body = policyOf(given);
    if (body !== undefined && act.policy === undefined)
      throw new UsageError(`${word} changes nothing of a topic`);
    if (body === undefined && act.policy === "must") throw new UsageError("change what?");
    const target = findTarget(given, world);
    const query = given.after === undefined ? "" : `?after=${encodeURIComponent(topicOf(given.after))}`;
    for (const user of act.users ? users : [""]) {
      const url = `${target.url}${act.path(name, user)}${query}`;
      const answer = await ask({ method: act.method, url, credential: keyOf(target), body, patienceMs: 0 });
      const text = given.json ? JSON.stringify(answer) : act.say(answer);
      if (text !== "") world.out(`${text}\n`);
    }
    return "done";
  },
});

function lineOf({ topic: name, owner, subscribers, subscribe, publish, active, keep }: Topic): string {
  const followers = `${subscribers} ${subscribers === 1 ? "subscriber" : "subscribers"}`;
  const unusual = [
    ...(subscribe === "open" ? ["open"] : []),
    ...(publish === "subscribers" ? ["subscribers publish"] : []),
    ...(keep === null ? [] : [`keeps ${keep}`]),
    ...(active ? [] : ["inactive"]),
  ];
  return [`topic:${name}`, followers, `of ${owner}`, ...unusual].join("  ");
}

export function topicOf(word: string): string {
  const name = word.startsWith("topic:") ? word.slice("topic:".length) : word;
  if (!isName(name)) throw new UsageError(`${word} is no topic: 1 to 128 letters, digits and ._~@+:=-`);
  return name;
}

function unknown(word: string): string {
  const meant = nearest(
    word,
    acts.map(({ name }) => name),
  );
  return `there is no ${word} for topics${meant === null ? "" : `; did you mean ${meant}?`}`;
}
