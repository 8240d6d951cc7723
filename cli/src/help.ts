/** Help texts, made from what the verbs declare. Pure. */
import { exitCodes } from "./exit-codes.ts";
import type { Flags, Verb } from "./verb.ts";

const width = 100;

/** Breaks text into lines; those behind the first start with `indent` spaces. */
export function wrapped(text: string, indent: number): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + word.length + 1 > width - indent) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line].join(`\n${" ".repeat(indent)}`);
}

export function table(rows: readonly (readonly [string, string])[]): string {
  const left = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, doc]) => `  ${name.padEnd(left)}  ${wrapped(doc, left + 4)}`).join("\n");
}

export function commandHelp(verbs: readonly Verb[], version: string): string {
  return [
    `carillon ${version}: a notification server`,
    "",
    "usage: carillon <verb> [...]",
    "",
    table(verbs.map(({ name, summary }) => [name, summary] as const)),
    "",
    "carillon <verb> --help tells more of one verb, carillon --version the version.",
    "",
    "Exit statuses:",
    table(Object.values(exitCodes).map(({ status, doc }) => [String(status), doc] as const)),
    "",
  ].join("\n");
}

export function verbHelp({ name, summary, usage, flags, more }: Verb): string {
  const lines = [`carillon ${name}: ${summary}`, ""];
  lines.push(
    ...usage.map((line, index) => `${index === 0 ? "usage:" : "      "} carillon ${name} ${line}`.trimEnd()),
  );
  if (Object.keys(flags).length > 0) lines.push("", flagTable(flags));
  const extra = more?.();
  if (extra !== undefined) lines.push("", extra.trimEnd());
  return `${lines.join("\n")}\n`;
}

const flagTable = (flags: Flags): string =>
  table(
    Object.entries(flags).map(
      ([name, { value, doc }]) => [`--${name}${value ? ` ${value}` : ""}`, doc] as const,
    ),
  );
