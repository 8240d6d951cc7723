/** A topic as it is asked for, and as it is told. */
import { limits } from "@carillon/protocol/limits";
import { type Problem, problem } from "@carillon/protocol/problems";
import { durationPattern, formatDuration, parseDuration } from "@carillon/protocol/timestamp";
import Type, { type Static } from "typebox";
import type { WantedTopic } from "../receiver/topics.ts";
import { defaultPolicy, type Policy, type Topic, type TopicChanges } from "../store/directory.ts";

const mostText = formatDuration(limits.keepMs.most);

export const TopicBody = Type.Object(
  {
    owner: Type.Optional(
      Type.String({
        pattern: "^(key:[A-Za-z0-9._~@+:=-]{1,64}|user:(?!user:|topic:)[A-Za-z0-9._~@+:=-]{1,128})$",
        description:
          "For a producer to say: `key:<name>` or `user:<id>`. Absent: the API key, or the user, that makes it",
      }),
    ),
    subscribe: Type.Optional(
      Type.Unsafe<Policy["subscribe"]>(
        Type.Enum(["open", "closed"], {
          default: defaultPolicy.subscribe,
          description: "open: users may follow it by themselves; closed: its owner and producers add them",
        }),
      ),
    ),
    publish: Type.Optional(
      Type.Unsafe<Policy["publish"]>(
        Type.Enum(["granted", "subscribers"], {
          default: defaultPolicy.publish,
          description:
            "Who may publish beside producers and the owner: those with a grant, or all who follow it too",
        }),
      ),
    ),
    active: Type.Optional(
      Type.Boolean({ default: defaultPolicy.active, description: "An inactive topic takes nothing new" }),
    ),
    keep: Type.Optional(
      Type.Unsafe<string | null>({
        type: ["string", "null"],
        pattern: durationPattern,
        default: null,
        description: `How long what is published from now on stays, from \`1s\` to \`${mostText}\`; null: no bound`,
      }),
    ),
  },
  { additionalProperties: false },
);

type Body = Static<typeof TopicBody>;

/** The problem is with `keep`, which is longer than is allowed. */
export function changesOf({ keep, ...rest }: Body): TopicChanges | Problem {
  if (keep === undefined) return rest;
  const keepMs = keep === null ? null : parseDuration(keep)!;
  return keepMs !== null && keepMs > limits.keepMs.most ? tooLong : { ...rest, keepMs };
}

export function wantedOf(body: Body): WantedTopic | Problem {
  const changes = changesOf(body);
  return "status" in changes ? changes : { ...defaultPolicy, ...changes };
}

const tooLong = problem("body-invalid", `/keep must be at most ${mostText}`, {
  errors: [{ pointer: "/keep", detail: `must be at most ${mostText}, or null` }],
});

export const topicAnswer = (found: Topic) => {
  const { topic, owner, createdAt, subscribers, subscribe, publish, active, keepMs } = found;
  const keep = keepMs === null ? null : formatDuration(keepMs);
  const created = new Date(createdAt).toISOString();
  return { topic, owner, created, subscribers, subscribe, publish, active, keep };
};
