/** The configuration for people to read: effective values with their origins, and problems. Secrets stay hidden. */
import { type Config, fileName, type OptionName, optionNames, optionOf } from "./options.ts";
import type { Origins, Problem } from "./origins.ts";

export interface Shown {
  readonly option: string;
  readonly value: string;
  readonly origin: string;
}

const shown = (name: OptionName, value: unknown): string => {
  if (value === null) return "";
  return optionOf(name).secret ? "(hidden)" : optionOf(name).kind.show(value);
};

export const showConfig = (config: Config, origins: Origins): Shown[] =>
  optionNames.map((name) => ({
    option: fileName(name),
    value: shown(name, config[name]),
    origin: origins[name],
  }));

export function showProblems(problems: readonly Problem[]): string {
  const title =
    problems.length === 1
      ? "The configuration has a problem:"
      : `The configuration has ${problems.length} problems:`;
  return [title, ...problems.map(({ at, what }) => `  ${at}: ${what}`), ""].join("\n");
}
