/** From words on the command line to flags and words of a verb, or to what is wrong with them. */
import { parseArgs } from "node:util";
import { nearest } from "@carillon/protocol/nearest";
import type { Flags, Given } from "./verb.ts";
import { UsageError } from "./verb.ts";

export interface Parsed<F extends Flags> {
  readonly given: Given<F>;
  readonly words: readonly string[];
}

/** Throws a UsageError for an unknown flag, a missing value, and one that was not asked for. */
export function parse<F extends Flags>(args: readonly string[], flags: F): Parsed<F> {
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, { type, multiple }]) => [name, { type, multiple: multiple ?? false }]),
  );
  const { tokens } = parseArgs({
    args: [...args],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const given: Record<string, string | boolean | string[]> = {};
  const words: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") words.push(token.value);
    if (token.kind !== "option") continue;
    const flag = flags[token.name];
    if (flag === undefined || !token.rawName.startsWith("--"))
      throw new UsageError(unknown(token.rawName, flags));
    if (flag.type === "boolean" && token.value !== undefined)
      throw new UsageError(`${token.rawName} takes no value`);
    if (flag.type === "string" && token.value === undefined) {
      throw new UsageError(`${token.rawName} needs a value: ${token.rawName} ${flag.value}`);
    }
    const value = token.value ?? true;
    if (flag.multiple)
      given[token.name] = [...((given[token.name] as string[] | undefined) ?? []), String(value)];
    else given[token.name] = value;
  }
  return { given: given as Given<F>, words };
}

function unknown(name: string, flags: Flags): string {
  const meant = nearest(
    name,
    Object.keys(flags).map((flag) => `--${flag}`),
  );
  return `there is no flag ${name}${meant === null ? "" : `; did you mean ${meant}?`}`;
}
