import type { Token } from "@carillon/protocol/answers";
import { parseDuration } from "@carillon/protocol/timestamp";
import { ask } from "./api.ts";
import { findTarget, keyOf, type Target, targetFlags } from "./target.ts";
import { userOf } from "./user-id.ts";
import { UsageError, verb } from "./verb.ts";

export const token = verb({
  name: "token",
  summary: "get a token for a user's client",
  usage: ["user:42 [--ttl 1h] [--json]"],
  flags: {
    ttl: { type: "string", value: "TIME", doc: "How long it is good for: 1s to 24h; 1h when absent." },
    json: { type: "boolean", doc: "Print the server's answer: the token and when it ends." },
    ...targetFlags,
  },
  words: [1, 1],
  more: () => "Prints the token and nothing else, so that it fits into a script.",
  async run(given, [name], world) {
    if (given.ttl !== undefined && parseDuration(given.ttl) === null) {
      throw new UsageError(`--ttl ${given.ttl} is not a time such as 30s, 10m or 1h`);
    }
    const answer = await issueToken(findTarget(given, world), userOf(name!), given.ttl ?? "1h", 0);
    world.out(given.json ? `${JSON.stringify(answer)}\n` : `${answer.token}\n`);
    return "done";
  },
});

export const issueToken = (target: Target, user: string, ttl: string, patienceMs: number): Promise<Token> =>
  ask({
    method: "POST",
    url: `${target.url}/v1/users/${encodeURIComponent(user)}/tokens`,
    credential: keyOf(target),
    body: { ttl },
    patienceMs,
  }) as Promise<Token>;
