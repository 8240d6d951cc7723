import { type Problem, problemMediaType } from "@carillon/protocol/problems";
import { parseDuration } from "@carillon/protocol/timestamp";
import { inWords, RefusedError, UnreachableError } from "./api.ts";
import { findTarget, keyOf, operationsUrlOf } from "./target.ts";
import { type Surroundings, UsageError, verb } from "./verb.ts";

interface SoFar {
  readonly removed: number;
  readonly freedBytes: number;
}

type Ended =
  | (SoFar & { readonly is: "done" | "stopped"; readonly sizeBytes: number })
  | { readonly is: "usage" | "refused" | "failed"; readonly why: string };

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
const gone = ({ removed, freedBytes }: SoFar): string =>
  `${removed.toLocaleString("en")} notifications removed, ${megabytes(freedBytes)} given back`;

export const clean = verb({
  name: "clean",
  summary: "remove what is old now, and give its space back",
  usage: ["[--older-than 30d] [--data-directory DIRECTORY] [--key KEY] [--option value ...] [--json]"],
  flags: {},
  words: null,
  more: () =>
    "A server of the data directory that runs is asked to do it, with an API key that has the scope admin; clients notice\n" +
    "nothing. Where none runs, it is done here; so it is with a store on PostgreSQL, whoever serves it. What is older than\n" +
    "--retention goes, or than --older-than this once; never what is younger than --identity-window. A file of an earlier\n" +
    "version that can't give space back is written anew where no server runs.",
  async run(_given, args, world) {
    const { out, err } = world;
    const { olderThan, key, json, rest } = meant(args);
    const tell = (soFar: SoFar): void =>
      json ? out(`${JSON.stringify({ type: "progress", ...soFar })}\n`) : err(`${gone(soFar)}\n`);
    const { cleanStore, whereServed } = await import("@carillon/server/clean");
    const directory = whereServed(rest);
    const url = directory === null ? null : operationsUrlOf(directory);
    const asked =
      url === null ? null : await askServer(url, { olderThan, key, directory: directory! }, tell, world);
    const ended: Ended = asked ?? (await cleanStore(here(rest, olderThan, tell)));
    if (json) out(`${JSON.stringify({ type: "ended", ...ended })}\n`);
    if ("why" in ended) {
      if (!json) err(`${ended.why}\n`);
      return ended.is;
    }
    if (!json) {
      const left = `${megabytes(ended.sizeBytes)} are left`;
      out(`${ended.is === "done" ? "Done" : "Stopped"}: ${gone(ended)}; ${left}.\n`);
    }
    return ended.is === "done" ? "done" : "failed";
  },
});

const toldEveryMs = 500;

function here(args: readonly string[], olderThan: string | null, tell: (soFar: SoFar) => void) {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  let toldAt = performance.now();
  return {
    args,
    olderThanMs: olderThan === null ? null : parseDuration(olderThan),
    signal: stop.signal,
    tell(soFar: SoFar): void {
      if (performance.now() - toldAt < toldEveryMs) return;
      toldAt = performance.now();
      tell(soFar);
    },
  };
}

/** Null when nobody listens there any more. */
async function askServer(
  url: string,
  { olderThan, key, directory }: { olderThan: string | null; key: string | null; directory: string },
  tell: (soFar: SoFar) => void,
  world: Surroundings,
): Promise<Ended | null> {
  const given = { "data-directory": directory, ...(key === null ? {} : { key }) };
  const query = olderThan === null ? "" : `?${new URLSearchParams({ olderThan })}`;
  let response: Response;
  try {
    response = await fetch(`${url}/v1/admin/clean${query}`, {
      method: "POST",
      headers: { authorization: `Bearer ${keyOf(findTarget(given, world))}` },
      redirect: "error",
    });
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const { cause } = error as Error & { cause?: { code?: string } };
    if (cause?.code === "ECONNREFUSED") return null;
    throw new UnreachableError(`${url} can't be reached: ${(error as Error).message}`, { cause: error });
  }
  if (!response.ok) {
    const isProblem = response.headers.get("content-type")?.startsWith(problemMediaType) ?? false;
    const problem = isProblem ? ((await response.json()) as Problem) : null;
    throw new RefusedError(inWords({ status: response.status, problem }), problem);
  }
  try {
    for await (const line of linesOf(response.body!)) {
      const { type, ...said } = JSON.parse(line) as { type: string } & Ended;
      if (type === "ended") return said as Ended;
      tell(said as unknown as SoFar);
    }
  } catch (error) {
    throw new UnreachableError(endedEarly, { cause: error });
  }
  throw new UnreachableError(endedEarly);
}

const endedEarly = "the server ended before it was done; what was removed stays removed";

async function* linesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of body) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}

function meant(args: readonly string[]) {
  const rest: string[] = [];
  const values: Record<string, string | null> = { "--older-than": null, "--key": null };
  let json = false;
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!;
    const [name, value] = arg.split("=", 2) as [string, string | undefined];
    if (arg === "--json") json = true;
    else if (!Object.hasOwn(values, name)) rest.push(arg);
    else {
      values[name] = value ?? args[++at] ?? null;
      if (values[name] === null) throw new UsageError(`${name} needs a value`);
    }
  }
  const { "--older-than": olderThan = null, "--key": key = null } = values;
  if (olderThan !== null && parseDuration(olderThan) === null)
    throw new UsageError(`--older-than ${olderThan} is not a time such as 30d`);
  return { olderThan, key, json, rest };
}
