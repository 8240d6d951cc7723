import { randomUUID } from "node:crypto";
import { UnreachableError } from "./api.ts";
import { deliver, type Item, type Outcome } from "./deliver.ts";
import { watchProgress } from "./progress.ts";
import { readLines } from "./read-lines.ts";
import { findTarget, keyOf, targetFlags } from "./target.ts";
import { milliseconds } from "./time.ts";
import { type Given, type Surroundings, UsageError, verb } from "./verb.ts";

const usualSource = "/cli";
const batchItems = 100;
const batchBytes = 1 << 20;

const flags = {
  type: { type: "string", value: "TYPE", doc: "What kind it is, such as order.shipped." },
  data: { type: "string", value: "JSON", doc: "What it says: JSON, or text that is none." },
  source: { type: "string", value: "SOURCE", doc: `Where it comes from; ${usualSource} when absent.` },
  id: {
    type: "string",
    value: "ID",
    doc: "Its name in its source. The same again changes nothing; a new one when absent.",
  },
  subject: { type: "string", value: "SUBJECT", doc: "What it is about." },
  expires: {
    type: "string",
    value: "WHEN",
    doc: "When it is of no use any more: 30s, 10m, 24h, 7d, or a timestamp.",
  },
  "collapse-key": { type: "string", value: "KEY", doc: "Takes the place of an older one with the same key." },
  silent: { type: "boolean", doc: "Doesn't count as unread." },
  ephemeral: { type: "boolean", doc: "For those who are here now; kept nowhere." },
  receipt: { type: "boolean", doc: "Ask `carillon status` later who has received it." },
  file: {
    type: "string",
    value: "FILE",
    doc: "Send the notifications of a file, one JSON object a line; - is standard input.",
  },
  retry: {
    type: "string",
    value: "TIME",
    doc: "How long to try again while the server is away or busy; 1m when absent, 0s never.",
  },
  json: { type: "boolean", doc: "Print the server's answers, one a line." },
  ...targetFlags,
} as const;

export const send = verb({
  name: "send",
  summary: "send a notification, or a file of them",
  usage: [
    'user:42 [user:43 topic:builds ...] --type order.shipped [--data \'{"title":"On its way"}\'] [...]',
    "--file notifications.ndjson [--source /shop]",
  ],
  flags,
  words: [0, 100],
  more: () =>
    "Trying again is safe: each notification keeps its id, and the server keeps it once.\n" +
    "With --file a line without id gets one, and one without source that of --source.",
  async run(given, to, world) {
    const target = findTarget(given, world);
    const patienceMs = milliseconds("--retry", given.retry ?? "1m");
    const waiting = (why: string, delayMs: number) =>
      world.err(`${why}; trying again in ${(delayMs / 1_000).toFixed(1)} s\n`);
    const post = (items: readonly Item[]) =>
      deliver(items, {
        url: `${target.url}/v1/notifications`,
        credential: keyOf(target),
        patienceMs,
        waiting,
      });
    if (given.file !== undefined) return sendFile(given, to, post, world);
    const [outcome] = await post([{ line: 0, notification: oneOf(given, to) }]);
    show(outcome!, given, world);
    if (outcome!.retryable)
      throw new UnreachableError("the server took it in part or not at all; sending it again is safe");
    return outcome!.error === null ? "done" : "refused";
  },
});

type GivenToSend = Given<typeof flags>;
type Post = (items: readonly Item[]) => Promise<readonly Outcome[]>;

function oneOf(given: GivenToSend, to: readonly string[]): Item["notification"] {
  if (to.length === 0) throw new UsageError("to whom? user:<id>, or topic:<name>");
  if (given.type === undefined) throw new UsageError("--type is needed, such as --type order.shipped");
  const { type, subject, expires, silent, ephemeral, receipt } = given;
  return {
    to: to.map((word) => (word.includes(":") ? word : `user:${word}`)),
    id: given.id ?? randomUUID(),
    source: given.source ?? usualSource,
    type,
    ...(given.data === undefined ? {} : { data: jsonOrText(given.data) }),
    ...(given["collapse-key"] === undefined ? {} : { collapseKey: given["collapse-key"] }),
    ...(subject === undefined ? {} : { subject }),
    ...(expires === undefined ? {} : { expires }),
    ...(silent ? { silent } : {}),
    ...(ephemeral ? { ephemeral } : {}),
    ...(receipt ? { receipt } : {}),
  };
}

function jsonOrText(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return data;
  }
}

async function sendFile(given: GivenToSend, to: readonly string[], post: Post, around: Surroundings) {
  if (to.length > 0 || given.type !== undefined)
    throw new UsageError("with --file, each line says its own `to` and `type`");
  const progress = watchProgress({ ...around, json: false, terminal: process.stderr.isTTY === true });
  const under = (say: (text: string) => void) => (text: string) => {
    progress.end();
    say(text);
  };
  const world: Surroundings = { ...around, out: under(around.out), err: under(around.err) };
  const startedAt = performance.now();
  let rows = 0;
  const tell = () => {
    const tookMs = performance.now() - startedAt;
    const rowsPerSecond = Math.round((rows * 1_000) / tookMs);
    progress.tell({ stage: "sent", rows, of: null, rowsPerSecond, leftMs: null, tookMs, done: false });
  };
  const counts = new Map<string, number>();
  const count = (what: string) => counts.set(what, (counts.get(what) ?? 0) + 1);
  let failed = false;
  let unreached = false;
  const broken = (line: number, why: string) => {
    failed = true;
    count("not readable");
    world.err(`line ${line}: ${why}\n`);
  };
  const complete = (value: Record<string, unknown>) => ({
    id: randomUUID(),
    source: given.source ?? usualSource,
    ...value,
  });
  for await (const batch of readLines(world.input, given.file!, {
    complete,
    broken,
    batchItems,
    batchBytes,
  })) {
    for (const outcome of await post(batch)) {
      count(outcome.error === null ? outcome.receipts[0]!.status : outcome.status);
      if (given.json || outcome.error !== null) show(outcome, given, world);
      if (outcome.retryable) unreached = true;
      else if (outcome.error !== null) failed = true;
    }
    rows += batch.length;
    tell();
  }
  world.err(`${[...counts].map(([what, many]) => `${many} ${what}`).join(", ") || "nothing to send"}\n`);
  if (unreached)
    throw new UnreachableError(
      "not everything was taken; sending the same file again is safe where its lines have ids",
    );
  return failed ? "refused" : "done";
}

function show({ line, answer, receipts, error }: Outcome, given: GivenToSend, world: Surroundings): void {
  if (given.json) return world.out(`${JSON.stringify(answer)}\n`);
  const at = line === 0 ? "" : `line ${line}: `;
  for (const { to, status, seq } of receipts) {
    const text = `${at}${status} ${to}${seq === undefined ? "" : ` at ${seq}`}\n`;
    if (status === "conflict" || status === "refused") world.err(text);
    else world.out(text);
  }
  if (error !== null) world.err(`${at}${error}\n`);
}
