import type { Status } from "@carillon/protocol/answers";
import { isStreamName } from "@carillon/protocol/stream";
import { ask } from "./api.ts";
import { tellServer } from "./server-status.ts";
import {
  baseUrl,
  dataDirectoryOf,
  findTarget,
  keyOf,
  operationsUrlOf,
  targetFlags,
  usualOperationsUrl,
} from "./target.ts";
import { UsageError, verb } from "./verb.ts";

export const status = verb({
  name: "status",
  summary: "ask how the server is, what became of a notification, or take one back",
  usage: ["[--operations-url URL] [--json]", "<id> --to user:42 [--source /shop] [--take-back] [--json]"],
  flags: {
    to: { type: "string", value: "STREAM", doc: "Whose: user:<id> or topic:<name>." },
    source: { type: "string", value: "SOURCE", doc: "The source it was sent with; /cli when absent." },
    "take-back": { type: "boolean", doc: "Take it back: who hasn't seen it yet never will." },
    "operations-url": {
      type: "string",
      value: "URL",
      doc: `Where /readyz and /metrics are; else what the data directory tells, else ${usualOperationsUrl}.`,
    },
    json: { type: "boolean", doc: "Print the server's answer." },
    ...targetFlags,
  },
  words: [0, 1],
  more: () =>
    "Of a server that isn't ready it says why, and its exit status is that of one that can't be reached.",
  async run(given, [id], world) {
    if (id === undefined) {
      const told = operationsUrlOf(dataDirectoryOf(given, world));
      const operationsUrl = baseUrl(given["operations-url"] ?? told ?? usualOperationsUrl);
      return tellServer(operationsUrl, given.json === true, world);
    }
    if (given.to === undefined || !isStreamName(given.to))
      throw new UsageError("--to user:<id> or --to topic:<name> is needed");
    const target = findTarget(given, world);
    const query = new URLSearchParams({ source: given.source ?? "/cli", to: given.to });
    const url = `${target.url}/v1/notifications/${encodeURIComponent(id)}?${query}`;
    const about = { url, credential: keyOf(target), patienceMs: 0 };
    if (given["take-back"]) await ask({ ...about, method: "DELETE" });
    const answer = (await ask({ ...about, method: "GET" })) as Status;
    world.out(`${given.json ? JSON.stringify(answer) : lineOf(answer)}\n`);
    return "done";
  },
});

function lineOf({ to, seq, state, received }: Status): string {
  const who = received === undefined ? "" : `, received by ${received.total}`;
  return `${state} in ${to} at ${seq}${who}`;
}
