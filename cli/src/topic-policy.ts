/** The flags that say what a topic is, as the body of a request. */
import { parseDuration } from "@carillon/protocol/timestamp";
import { UsageError } from "./verb.ts";

export const policyFlags = {
  subscribe: {
    type: "string",
    value: "WHO",
    doc: "open: users may follow it by themselves; closed: they are added.",
  },
  publish: {
    type: "string",
    value: "WHO",
    doc: "granted: users with a grant may publish; subscribers: all who follow it too.",
  },
  keep: { type: "string", value: "7d", doc: "How long what is published stays; none: no bound." },
  owner: { type: "string", value: "WHOSE", doc: "Whose it is: user:7, or key:shop." },
  active: { type: "boolean", doc: "It takes notifications." },
  inactive: { type: "boolean", doc: "It takes none, and whoever follows it still does." },
} as const;

interface PolicyGiven {
  readonly subscribe?: string;
  readonly publish?: string;
  readonly keep?: string;
  readonly owner?: string;
  readonly active?: boolean;
  readonly inactive?: boolean;
}

/** Undefined: nothing was said. */
export function policyOf(given: PolicyGiven): Readonly<Record<string, unknown>> | undefined {
  const { subscribe, publish, keep, owner, active, inactive } = given;
  oneOf("subscribe", subscribe, ["open", "closed"]);
  oneOf("publish", publish, ["granted", "subscribers"]);
  if (keep !== undefined && keep !== "none" && parseDuration(keep) === null) {
    throw new UsageError("--keep is a duration such as 30s, 10m, 24h or 7d, or none");
  }
  if (active && inactive) throw new UsageError("--active or --inactive, not both");
  const body = {
    ...(owner === undefined ? {} : { owner }),
    ...(subscribe === undefined ? {} : { subscribe }),
    ...(publish === undefined ? {} : { publish }),
    ...(keep === undefined ? {} : { keep: keep === "none" ? null : keep }),
    ...(active ? { active: true } : inactive ? { active: false } : {}),
  };
  return Object.keys(body).length === 0 ? undefined : body;
}

function oneOf(flag: string, value: string | undefined, words: readonly string[]): void {
  if (value === undefined || words.includes(value)) return;
  throw new UsageError(`--${flag} is ${words.join(" or ")}`);
}
