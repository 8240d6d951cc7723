import type { Topic } from "@carillon/protocol/answers";
import { nearest } from "@carillon/protocol/nearest";
import { isName } from "@carillon/protocol/stream";
import { type Ask, ask } from "./api.ts";
import { findTarget, keyOf, targetFlags } from "./target.ts";
import { userOf } from "./user.ts";
import { UsageError, verb } from "./verb.ts";

type Say = (answer: unknown) => string;

interface Act {
  readonly name: string;
  /** Words behind the topic's name. */
  readonly users: boolean;
  readonly topic: boolean;
  readonly method: Ask["method"];
  readonly path: (topic: string, user: string) => string;
  readonly say: Say;
}

const of = (topic: string) => `/v1/topics/${encodeURIComponent(topic)}`;
const subscribersOf = (topic: string) => `${of(topic)}/subscribers`;
const one = (topic: string, user: string) => `${subscribersOf(topic)}/${encodeURIComponent(user)}`;

const acts: readonly Act[] = [
  {
    name: "create",
    topic: true,
    users: false,
    method: "PUT",
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
];

export const topic = verb({
  name: "topic",
  summary: "make and delete topics, and say who follows them",
  usage: ["create|delete|show|subscribers builds", "subscribe|unsubscribe builds user:42 [...]", "list"],
  flags: {
    after: { type: "string", value: "NAME", doc: "With list and subscribers: what comes behind this name." },
    json: { type: "boolean", doc: "Print the server's answers, one a line." },
    ...targetFlags,
  },
  words: [1, 1_000],
  more: () =>
    "`list` and `subscribers` print a page of at most 1,000 names; `--after` with the last one gets the next page.",
  async run(given, [word, ...rest], world) {
    const act = acts.find(({ name }) => name === word);
    if (act === undefined) throw new UsageError(unknown(word!));
    const [name = "", ...users] = act.topic
      ? rest.map((each, at) => (at === 0 ? topicOf(each) : userOf(each)))
      : [];
    if (act.topic && name === "") throw new UsageError("which topic?");
    if (act.users !== users.length > 0)
      throw new UsageError(act.users ? "which user?" : `${word} takes no user`);
    const target = findTarget(given, world);
    const query = given.after === undefined ? "" : `?after=${encodeURIComponent(topicOf(given.after))}`;
    for (const user of act.users ? users : [""]) {
      const url = `${target.url}${act.path(name, user)}${query}`;
      const answer = await ask({ method: act.method, url, credential: keyOf(target), patienceMs: 0 });
      const text = given.json ? JSON.stringify(answer) : act.say(answer);
      if (text !== "") world.out(`${text}\n`);
    }
    return "done";
  },
});

const lineOf = ({ topic: name, owner, subscribers }: Topic): string =>
  `topic:${name}  ${subscribers} ${subscribers === 1 ? "subscriber" : "subscribers"}  made by ${owner}`;

function topicOf(word: string): string {
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
