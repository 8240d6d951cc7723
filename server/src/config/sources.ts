/** The three places in which options are said: flags, the environment, a file. Each is read whole. */
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { nearest } from "@carillon/protocol/nearest";
import { fileName, flag, type OptionName, optionNames, optionOf, variable } from "./options.ts";
import type { Problem } from "./origins.ts";

export interface Said {
  readonly raw: unknown;
  readonly at: string;
  /** The directory from which a relative path is meant. */
  readonly from: string;
}

/** Variables of the command, which are no options of the server. */
const others = ["CARILLON_CONFIG", "CARILLON_URL", "CARILLON_KEY", "CARILLON_TOKEN"];

/** Kubernetes describes a service called `carillon` to its neighbours in these; nobody wrote them for us. */
const serviceLink = /^CARILLON_(?:.+_)?(?:SERVICE_(?:HOST|PORT(?:_.+)?)|PORT(?:_\d+_(?:TCP|UDP)(?:_.+)?)?)$/;

const meant = (typed: string, names: readonly string[]): string => {
  const close = nearest(typed, names);
  return close === null ? "" : `; did you mean ${close}?`;
};

export function readFlags(args: readonly string[], cwd: string, problems: Problem[]) {
  const said = new Map<OptionName, Said>();
  const named = new Map(
    optionNames.filter((name) => !optionOf(name).secret).map((name) => [flag(name), name]),
  );
  const types = Object.fromEntries(
    [...named].map(([text, name]) => [
      text.slice(2),
      { type: optionOf(name).kind.boolean ? ("boolean" as const) : ("string" as const) },
    ]),
  );
  const { tokens } = parseArgs({
    args: [...args],
    options: { ...types, config: { type: "string" } },
    strict: false,
    allowNegative: true,
    allowPositionals: true,
    tokens: true,
  });
  let file: string | undefined;
  let unknownAt = -2;
  for (const token of tokens) {
    // The word behind an unknown flag was meant as its value.
    const stray = token.kind === "positional" && token.index !== unknownAt + 1;
    if (stray) problems.push({ at: token.value, what: "is not expected here" });
    if (token.kind !== "option") continue;
    const at = token.rawName;
    const negative = at.startsWith("--no-");
    const name = named.get(negative ? `--${at.slice(5)}` : at);
    if (at === "--config" && token.value) file = token.value;
    else if (name !== undefined && optionOf(name).kind.boolean) {
      said.set(name, { raw: token.value ?? !negative, at, from: cwd });
    } else if (name !== undefined && token.value !== undefined && !negative) {
      said.set(name, { raw: token.value, at, from: cwd });
    } else if (name !== undefined || at === "--config") {
      problems.push({
        at,
        what: `needs a value: ${at} ${name === undefined ? "FILE" : optionOf(name).kind.what}`,
      });
    } else {
      if (token.value === undefined) unknownAt = token.index;
      problems.push({ at, what: `is no option${meant(at, [...named.keys(), "--config"])}` });
    }
  }
  return { said, file };
}

export function readVariables(
  env: Readonly<Record<string, string | undefined>>,
  cwd: string,
  problems: Problem[],
) {
  const said = new Map<OptionName, Said>();
  const named = new Map(optionNames.map((name) => [variable(name), name]));
  for (const [at, raw] of Object.entries(env)) {
    if (!at.startsWith("CARILLON_") || raw === undefined || others.includes(at)) continue;
    const name = named.get(at);
    if (serviceLink.test(at) && (name === undefined || raw.startsWith("tcp://"))) continue;
    if (name === undefined)
      problems.push({ at, what: `is no option${meant(at, [...named.keys(), ...others])}` });
    else said.set(name, { raw, at, from: cwd });
  }
  return said;
}

export function readFile(file: string, mayBeMissing: boolean, problems: Problem[]) {
  const said = new Map<OptionName, Said>();
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    const missing =
      (cause as NodeJS.ErrnoException).code === "ENOENT" ||
      (cause as NodeJS.ErrnoException).code === "ENOTDIR";
    if (missing && mayBeMissing) return { said, found: false };
    problems.push({
      at: file,
      what: missing ? "does not exist" : `can't be read: ${(cause as Error).message}`,
    });
    return { said, found: true };
  }
  if (typeof content !== "object" || content === null || Array.isArray(content)) {
    problems.push({ at: file, what: "must hold one JSON object, option names to values" });
    return { said, found: true };
  }
  const named = new Map(optionNames.map((name) => [fileName(name), name]));
  for (const [key, raw] of Object.entries(content)) {
    const at = `"${key}" in ${file}`;
    const name = named.get(key);
    if (key === "$schema") continue;
    if (name === undefined) problems.push({ at, what: `is no option${meant(key, [...named.keys()])}` });
    else if (name === "dataDirectory" && mayBeMissing) {
      problems.push({ at, what: "can't be said by a file that was found in the data directory" });
    } else said.set(name, { raw, at, from: dirname(file) });
  }
  return { said, found: true };
}
