/** The carillon command: finds the verb, reads its flags, runs it, and ends with its status. */
import { readFileSync } from "node:fs";
import { nearest } from "@carillon/protocol/nearest";
import { RefusedError, UnreachableError } from "./api.ts";
import { backup } from "./backup.ts";
import { clean } from "./clean.ts";
import { completion } from "./completion.ts";
import { config } from "./config.ts";
import { doctor } from "./doctor.ts";
import { type Exit, exitCodes } from "./exit-codes.ts";
import { commandHelp, verbHelp } from "./help.ts";
import { inbox } from "./inbox.ts";
import { key } from "./key.ts";
import { listen } from "./listen.ts";
import { parse } from "./parse.ts";
import { parts } from "./parts.ts";
import { promote } from "./promote.ts";
import { restore } from "./restore.ts";
import { send } from "./send.ts";
import { serve } from "./serve.ts";
import { status } from "./status.ts";
import { token } from "./token.ts";
import { topic } from "./topic.ts";
import { user } from "./user.ts";
import { type Surroundings, UsageError, type Verb } from "./verb.ts";

const verbs: readonly Verb[] = [
  serve,
  send,
  listen,
  inbox,
  token,
  topic,
  user,
  key,
  status,
  config,
  promote,
  parts,
  backup,
  restore,
  clean,
  doctor,
  completion(() => verbs),
] as unknown as readonly Verb[];

const world: Surroundings = {
  env: process.env,
  cwd: process.cwd(),
  input: process.stdin,
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
};

// Whoever reads us has enough (`carillon listen 42 | head -1`): that is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  process.exit(error.code === "EPIPE" ? exitCodes.done.status : exitCodes.failed.status);
});

// What is kept, and where clients stand, is for nobody else on this machine to read.
process.umask(0o077);

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    const asked = verbs.find((verb) => verb.name === rest[0]);
    world.out(asked === undefined ? commandHelp(verbs, version()) : verbHelp(asked));
    return name === undefined ? exitCodes.usage.status : exitCodes.done.status;
  }
  if (name === "--version") {
    world.out(`${version()}\n`);
    return exitCodes.done.status;
  }
  const verb = verbs.find((each) => each.name === name);
  if (verb === undefined) return usage(unknownVerb(name), "carillon --help");
  if (rest.includes("--help") || rest.includes("-h")) {
    world.out(verbHelp(verb));
    return exitCodes.done.status;
  }
  try {
    const exit = await run(verb, rest);
    return typeof exit === "number" ? exit : exitCodes[exit].status;
  } catch (error) {
    return failed(error, verb);
  }
}

async function run(verb: Verb, rest: readonly string[]): Promise<Exit | number> {
  if (verb.words === null) return verb.run({}, rest, world);
  const { given, words } = parse(rest, verb.flags);
  const [least, most] = verb.words;
  if (words.length < least) throw new UsageError("something is missing");
  if (words.length > most) throw new UsageError(`${JSON.stringify(words[most])} is not expected here`);
  return verb.run(given, words, world);
}

function failed(error: unknown, verb: Verb): number {
  if (error instanceof UsageError) {
    return usage(error.message, verb.usage.map((line) => `carillon ${verb.name} ${line}`).join("\n       "));
  }
  const known = error instanceof RefusedError || error instanceof UnreachableError;
  world.err(`${known ? "" : "failed: "}${(error as Error).message}\n`);
  if (error instanceof RefusedError) return exitCodes.refused.status;
  return error instanceof UnreachableError ? exitCodes.unreachable.status : exitCodes.failed.status;
}

function usage(what: string, how: string): number {
  world.err(`${what}\nusage: ${how}\n`);
  return exitCodes.usage.status;
}

function unknownVerb(name: string): string {
  const meant = nearest(
    name,
    verbs.map((verb) => verb.name),
  );
  return `there is no verb ${name}${meant === null ? "" : `; did you mean ${meant}?`}`;
}

function version(): string {
  const manifest = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return (JSON.parse(manifest) as { version: string }).version;
}
