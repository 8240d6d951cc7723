import type { PresenceTold, User } from "@carillon/protocol/answers";
import type { UserState } from "@carillon/protocol/frames";
import { nearest } from "@carillon/protocol/nearest";
import { type Ask, ask } from "./api.ts";
import { findTarget, keyOf, type Target, targetFlags } from "./target.ts";
import { userOf } from "./user-id.ts";
import { type Given, UsageError, verb } from "./verb.ts";

const flags = {
  replace: {
    type: "boolean",
    doc: "With state: it takes the place of what is there, instead of being merged.",
  },
  yes: { type: "boolean", doc: "With erase: yes, all of it, for good." },
  "keep-topics": {
    type: "boolean",
    doc: "With erase: the user's topics become the API key's, instead of being deleted.",
  },
  json: { type: "boolean", doc: "Print the server's answer." },
  ...targetFlags,
} as const;

interface Said {
  readonly answer: unknown;
  readonly text: string;
}

type Act = (target: Target, given: Given<typeof flags>, user: string, patch?: string) => Promise<Said>;

const acts: Readonly<Record<string, Act>> = {
  async show(target, _given, user) {
    const answer = (await request(target, "GET", user)) as User;
    const { unread, unseen, subscriptions, state } = answer;
    const text = [
      `user:${user}`,
      `${unread} unread, ${unseen} unseen`,
      `follows ${subscriptions} ${subscriptions === 1 ? "topic" : "topics"}`,
      state === 0 ? "no state" : `state ${state}`,
    ].join("  ");
    return { answer, text };
  },
  async state(target, { replace }, user, patch) {
    const method = patch === undefined ? "GET" : replace ? "PUT" : "PATCH";
    const body = patch === undefined ? undefined : objectOf(patch);
    const answer = (await request(target, method, `${user}/state`, body)) as UserState;
    return { answer, text: JSON.stringify(answer.state) };
  },
  async presence(target, _given, user) {
    const answer = (await request(target, "GET", `${user}/presence`)) as PresenceTold;
    const { count, complete, sessions } = answer;
    const lines = [
      count === 0 ? "not here" : `here, with ${count} ${count === 1 ? "session" : "sessions"}`,
      ...sessions.map(({ session, transport, since, device }) =>
        [session, transport, `since ${since}`, ...(device === null ? [] : [`on ${device}`])].join("  "),
      ),
      ...(complete ? [] : ["Not every server could be asked: there may be more."]),
    ];
    return { answer, text: lines.join("\n") };
  },
  async erase(target, given, user) {
    if (!given.yes) throw new UsageError(`this erases all that is of user:${user}, for good: say --yes`);
    const query = given["keep-topics"] ? "?topics=keep" : "";
    const answer = await request(target, "DELETE", `${user}${query}`);
    // No body: all is done.
    const rest =
      "erased for everybody to see; the rest goes within a while, and the same again says whether it has";
    return { answer: answer ?? { user, done: true }, text: answer === null ? "erased" : rest };
  },
};

export const user = verb({
  name: "user",
  summary: "look at a user, keep a state about them, or erase them",
  usage: [
    "show user:42",
    `state user:42 ['{"plan":"pro"}' [--replace]]`,
    "presence user:42",
    "erase user:42 --yes [--keep-topics]",
  ],
  flags,
  words: [1, 3],
  more: () =>
    "`state` prints the state; with JSON it is merged into what is there: null removes a member (RFC 7396).\n" +
    "`erase` ends the user's sessions and tokens and removes what is kept of them.\n" +
    "All of it needs a key with the scope users.",
  async run(given, [word, name, patch], world) {
    const act = Object.hasOwn(acts, word!) ? acts[word!] : undefined;
    if (act === undefined) throw new UsageError(unknown(word!));
    if (name === undefined) throw new UsageError("which user?");
    if (patch !== undefined && word !== "state") throw new UsageError(`${word} takes nothing but a user`);
    if (given.replace && patch === undefined) throw new UsageError("--replace by what?");
    const { answer, text } = await act(findTarget(given, world), given, userOf(name), patch);
    world.out(`${given.json ? JSON.stringify(answer) : text}\n`);
    return "done";
  },
});

function objectOf(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  } catch {
    // Said below.
  }
  throw new UsageError(`${text} is no JSON object`);
}

const request = (target: Target, method: Ask["method"], path: string, body?: object): Promise<unknown> =>
  ask({
    method,
    url: `${target.url}/v1/users/${path}`,
    credential: keyOf(target),
    ...(body === undefined ? {} : { body }),
    patienceMs: 0,
  });

function unknown(word: string): string {
  const meant = nearest(word, Object.keys(acts));
  return `there is no ${word} for users${meant === null ? "" : `; did you mean ${meant}?`}`;
}
