import type { Key, NewKey } from "@carillon/protocol/answers";
import { nearest } from "@carillon/protocol/nearest";
import { parseDuration } from "@carillon/protocol/timestamp";
import { type Ask, ask } from "./api.ts";
import { findTarget, keyOf, type Target, targetFlags } from "./target.ts";
import { type Given, UsageError, verb } from "./verb.ts";
import { visible } from "./visible.ts";

const flags = {
  scope: {
    type: "string",
    value: "SCOPE",
    multiple: true,
    doc: "With create: what it is for: send, topics, users or admin. May be given several times.",
  },
  source: {
    type: "string",
    value: "SOURCE",
    multiple: true,
    doc: "With create: what it may send as, such as /shop or /shop/*; * is anything. May be given several times.",
  },
  ttl: { type: "string", value: "TIME", doc: "With create: how long it is good; for ever when absent." },
  json: { type: "boolean", doc: "Print the server's answer." },
  ...targetFlags,
} as const;

type GivenToKey = Given<typeof flags>;

const acts: Readonly<Record<string, (target: Target, given: GivenToKey, name: string) => Promise<Said>>> = {
  async create(target, { scope, source, ttl }, name) {
    if (scope === undefined) throw new UsageError("--scope is needed, such as --scope send");
    if (source === undefined) throw new UsageError("--source is needed, such as --source /shop");
    if (ttl !== undefined && parseDuration(ttl) === null)
      throw new UsageError(`--ttl ${ttl} is not a time such as 12h or 90d`);
    const body = { name, scopes: scope, sources: source, ...(ttl === undefined ? {} : { ttl }) };
    const answer = (await request(target, "POST", "", body)) as NewKey;
    return { answer, text: answer.secret };
  },
  async list(target) {
    const answer = (await request(target, "GET", "")) as { readonly keys: readonly Key[] };
    return { answer, text: answer.keys.map(lineOf).join("\n") };
  },
  async remove(target, _given, name) {
    return { answer: await request(target, "DELETE", `/${encodeURIComponent(name)}`), text: "removed" };
  },
};

interface Said {
  readonly answer: unknown;
  readonly text: string;
}

export const key = verb({
  name: "key",
  summary: "make, list and withdraw API keys",
  usage: ["create shop --scope send --source /shop [--ttl 90d]", "list", "remove shop"],
  flags,
  words: [1, 2],
  more: () =>
    "`create` prints the new key and nothing else, this once: the server keeps only its hash.\n" +
    "All of it needs a key with the scope admin, which the first key has.",
  async run(given, [word, name], world) {
    const act = Object.hasOwn(acts, word!) ? acts[word!] : undefined;
    if (act === undefined) throw new UsageError(unknown(word!));
    if (word === "list" && name !== undefined) throw new UsageError("list takes no name");
    if (word !== "list" && name === undefined) throw new UsageError("which key?");
    const { answer, text } = await act(findTarget(given, world), given, name ?? "");
    const line = given.json ? JSON.stringify(answer) : text;
    if (line !== "") world.out(`${line}\n`);
    return "done";
  },
});

const request = (target: Target, method: Ask["method"], path: string, body?: object): Promise<unknown> =>
  ask({
    method,
    url: `${target.url}/v1/keys${path}`,
    credential: keyOf(target),
    ...(body === undefined ? {} : { body }),
    patienceMs: 0,
  });

const lineOf = ({ name, scopes, sources, expires }: Key): string =>
  `${name}  ${scopes.join(",")}  as ${sources.map(visible).join(" ")}${expires === undefined ? "" : `  until ${expires}`}`;

function unknown(word: string): string {
  const meant = nearest(word, Object.keys(acts));
  return `there is no ${word} for keys${meant === null ? "" : `; did you mean ${meant}?`}`;
}
