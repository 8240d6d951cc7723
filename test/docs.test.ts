/**
 * The pages of docs/concepts, as a reader types them: each block marked `sh` is run, page by page from the top, beside
 * a server that was started as the README says. A block marked `text` behind it is what it prints, line by line;
 * `...` stands for anything.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkout, makeReader, type Reader } from "./reader.ts";

const folder = join(checkout, "docs/concepts");
const pages = readdirSync(folder).filter((name) => name.endsWith(".md"));

interface Example {
  readonly command: string;
  readonly printed: string | undefined;
}

const examplesOf = (page: string): readonly Example[] =>
  [
    ...readFileSync(join(folder, page), "utf8").matchAll(
      /^```sh\n(.*?)\n```$(?:\n\n```text\n(.*?)\n```$)?/gms,
    ),
  ].map(([, command, printed]) => ({ command: command!, printed }));

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
const patternOf = (printed: string): RegExp =>
  new RegExp(`^${printed.split("...").map(escaped).join("[^]*")}$`);

const hasCurl = spawnSync("curl", ["--version"]).error === undefined;

let reader: Reader;
beforeAll(async () => {
  reader = makeReader();
  await reader.type("npm start").says(/Ctrl-C stops it/);
});
afterAll(() => reader.leave());

describe.each(pages)("%s", (page) => {
  test("what it says to type does what it says", async ({ skip }) => {
    const examples = examplesOf(page);
    expect(examples.length).toBeGreaterThan(0);
    if (!hasCurl && examples.some(({ command }) => command.includes("curl "))) {
      skip("there is no curl on this machine");
    }
    for (const { command, printed } of examples) {
      const here = command.replaceAll("http://127.0.0.1:7700", reader.url());
      const { status, text } = await reader.type(`set -e\n${here}`).ended;
      expect(status, `${command}\n${text}`).toBe(0);
      if (printed !== undefined) expect(text.trim()).toMatch(patternOf(printed));
    }
  });
});
