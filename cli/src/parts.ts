import type { PartsHeld, PartsOptions } from "@carillon/server/parts";
import { UsageError, verb } from "./verb.ts";

export const parts = verb({
  name: "parts",
  summary: "tell which PostgreSQL server has which parts, and move them",
  usage: [
    "[--option value ...] [--json]",
    "move 64-127,3 --to 1 [--option value ...] [--json]",
    "spread [--option value ...] [--json]",
  ],
  flags: {},
  words: null,
  more: () =>
    "The servers are those of `carillon serve`: CARILLON_POSTGRES_URL, --postgres-url and --config. Give every process\n" +
    "the new server's address first, one after the other; then move parts to it. All of it happens while everything\n" +
    "runs: a part that is moved is read as ever, and written again after a moment. `spread` gives every server its even\n" +
    "share. What was interrupted goes on with the same command. --json prints one JSON object a line.",
  async run(_given, args, { out, err }) {
    const { move, json, rest } = meant(args);
    const { partsOfStore } = await import("@carillon/server/parts");
    const stop = new AbortController();
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
    let shown = "";
    const ended = await partsOfStore({
      args: rest,
      move,
      signal: stop.signal,
      tell(progress) {
        if (json) return out(`${JSON.stringify({ type: "progress", ...progress })}\n`);
        const { part, to, step, left } = progress;
        if (shown === `${part} ${step}`) return;
        shown = `${part} ${step}`;
        if (step === "done") err(`part ${part} is on server ${to}; ${left} left\n`);
      },
    });
    if (json) out(`${JSON.stringify({ type: "ended", ...ended })}\n`);
    if ("why" in ended) {
      if (!json) err(`${ended.why}\n`);
      return ended.is === "usage" ? "usage" : ended.away ? "unreachable" : "failed";
    }
    if (!json) out(said(ended, move !== null));
    return ended.is === "done" ? "done" : "failed";
  },
});

interface Meant {
  readonly move: PartsOptions["move"];
  readonly json: boolean;
  readonly rest: readonly string[];
}

function meant(args: readonly string[]): Meant {
  const json = args.includes("--json");
  const others = args.filter((arg) => arg !== "--json");
  const [word, ...behind] = others;
  if (word === undefined || word.startsWith("-")) return { move: null, json, rest: others };
  if (word === "spread") return { move: "spread", json, rest: behind };
  if (word !== "move") throw new UsageError(`there is no ${word} for parts; move and spread there are`);
  const [wanted, ...more] = behind;
  const at = more.indexOf("--to");
  const to = at < 0 ? undefined : more[at + 1];
  if (wanted === undefined || wanted.startsWith("-")) throw new UsageError("which parts? Such as 64-127,3");
  if (to === undefined || !/^\d{1,4}$/.test(to))
    throw new UsageError("--to is needed: the number of a server, which `carillon parts` tells");
  const rest = [...more.slice(0, at), ...more.slice(at + 2)];
  return { move: { parts: numbers(wanted), to: Number(to) }, json, rest };
}

const mostParts = 1_024;

/** `3,64-127`: each number once, ascending. */
function numbers(text: string): number[] {
  const found = new Set<number>();
  for (const range of text.split(",")) {
    const [, from, to] = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(range) ?? [];
    const first = Number(from);
    const last = Number(to ?? from);
    if (from === undefined || last < first || last >= mostParts)
      throw new UsageError(`${range} is no part and no range of parts, such as 3 or 64-127`);
    for (let part = first; part <= last; part++) found.add(part);
  }
  return [...found].sort((a, b) => a - b);
}

function said({ is, moved, servers }: PartsHeld, asked: boolean): string {
  const count = `${moved} ${moved === 1 ? "part" : "parts"} moved`;
  const what = !asked
    ? []
    : [is === "stopped" ? `Stopped; ${count}. The same command goes on.` : `${count}.`];
  const lines = servers.map(({ server, url, parts: held }) => `${server}  ${url}  ${ranges(held)}`);
  return `${[...what, ...lines].join("\n")}\n`;
}

/** `0-63,70`, or how many there are of none. */
function ranges(held: readonly number[]): string {
  if (held.length === 0) return "no parts";
  const found: [number, number][] = [];
  for (const part of held) {
    const last = found.at(-1);
    if (last && last[1] === part - 1) last[1] = part;
    else found.push([part, part]);
  }
  return found.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(",");
}
