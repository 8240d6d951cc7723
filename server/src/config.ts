/**
 * The configuration: defaults < file < environment < flags, read in one place and validated whole.
 *
 * The file is JSON: the one given by `--config` or CARILLON_CONFIG, else `carillon.json` in the data directory
 * where there is one. Relative paths in it are meant from its own directory.
 */
import { join, resolve } from "node:path";
import { conflicts } from "./config/conflicts.ts";
import {
  type Config,
  flag,
  type OptionName,
  optionNames,
  optionOf,
  options,
  variable,
} from "./config/options.ts";
import type { Origins, Problem } from "./config/origins.ts";
import { readFile, readFlags, readVariables, type Said } from "./config/sources.ts";
import { hasPassword } from "./url-password.ts";

export type Configuration =
  | { readonly ok: true; readonly config: Config; readonly origins: Origins; readonly file: string | null }
  | { readonly ok: false; readonly problems: readonly Problem[] };

export interface Sources {
  /** The command line behind the verb. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

/** Where this process finds its configuration. */
export const ownSources = (args: readonly string[]): Sources => ({
  args,
  env: process.env,
  cwd: process.cwd(),
});

export function readConfig({ args, env, cwd }: Sources): Configuration {
  const problems: Problem[] = [];
  const flags = readFlags(args, cwd, problems);
  const variables = readVariables(env, cwd, problems);

  const asked = flags.file ?? env["CARILLON_CONFIG"];
  const directory = (flags.said.get("dataDirectory") ?? variables.get("dataDirectory"))?.raw;
  const usual = join(String(directory ?? options.dataDirectory.default), "carillon.json");
  const file = resolve(cwd, asked ?? usual);
  const fromFile = readFile(file, asked === undefined, problems);
  const said = new Map([...fromFile.said, ...variables, ...flags.said]);

  const values: Record<string, unknown> = {};
  const origins: Record<string, string> = {};
  for (const name of optionNames) {
    const one = said.get(name);
    const value = one === undefined ? optionOf(name).default : readOne(name, one, problems);
    const isPath = optionOf(name).path && typeof value === "string";
    values[name] = isPath ? resolve(one?.from ?? cwd, value) : value;
    origins[name] = one?.at ?? "default";
  }
  if (problems.length === 0) {
    for (const { option, what } of conflicts(values as Config)) {
      problems.push({ at: origins[option] === "default" ? flag(option) : origins[option]!, what });
    }
  }
  if (problems.length > 0) return { ok: false, problems };
  return {
    ok: true,
    config: values as Config,
    origins: origins as Origins,
    file: fromFile.found ? file : null,
  };
}

/** What a list says of one of its items quotes it. */
const maskedProblem = (problem: string): string =>
  problem.replace(/^has an item, .*, that /, "has an item that ");

function readOne(name: OptionName, one: Said, problems: Problem[]): unknown {
  const { kind, secret, credentials } = optionOf(name);
  const read = kind.read(one.raw);
  if (read.ok) {
    const isFlag = one.at === flag(name);
    if (credentials && isFlag && (read.value as readonly string[]).some(hasPassword)) {
      const what = `holds a password, which the list of processes would show; say it in ${variable(name)} or in the file`;
      problems.push({ at: one.at, what });
    }
    return read.value;
  }
  const repeatable = !secret && !credentials;
  const what = repeatable ? `${JSON.stringify(one.raw)} ${read.problem}` : maskedProblem(read.problem);
  problems.push({ at: one.at, what });
  return undefined;
}
