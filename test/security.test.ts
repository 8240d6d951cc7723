// The attacks of docs/security.md are each shown by a test that is in the tree.
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const page = readFileSync(`${root}docs/security.md`, "utf8");
const rows = [...page.matchAll(/^\| (.+) \| (.+) \| `([^`]+)` "(.+)" \|$/gm)].map(
  ([, tried, happens, file, name]) => ({ tried: tried!, happens: happens!, file: file!, name: name! }),
);
const titlesOf = (text: string): string[] =>
  [...text.matchAll(/\b(?:test|describe)(?:\.each\([\s\S]*?\))?\(\s*(["`])(.+?)\1\s*,/g)].map(
    ([, , title]) => title!,
  );

test("every row of the table names a test", () => {
  const lines = page
    .split("## Attacks")[1]!
    .split("\n")
    .filter((line) => line.startsWith("| "));
  expect(rows).toHaveLength(lines.length - 1);
  expect(new Set(rows.map(({ tried }) => tried)).size).toBe(rows.length);
});

test.each(rows)("$tried", ({ file, name }) => {
  expect(existsSync(root + file), file).toBe(true);
  const text = readFileSync(root + file, "utf8");
  expect(text.includes(`"${name}",`) || titlesOf(text).includes(name), name).toBe(true);
});
