import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makePlace, type Place } from "./command.ts";

let place: Place;
beforeAll(() => {
  place = makePlace();
});
afterAll(() => place.leave());

const hasNot = (shell: string): boolean => spawnSync(shell, ["-c", "true"]).status !== 0;

async function scriptOf(shell: string): Promise<string> {
  const { status, out } = await place.done(["completion", shell]);
  expect(status).toBe(0);
  const file = join(place.directory, `completion.${shell}`);
  writeFileSync(file, out);
  return file;
}

test.skipIf(hasNot("bash"))("bash completes verbs, their first words and their flags", async () => {
  const script = await scriptOf("bash");
  const completed = (...words: string[]) => {
    const line = ["carillon", ...words].map((word) => `'${word}'`).join(" ");
    const asked = `. '${script}'; COMP_WORDS=(${line}); COMP_CWORD=${words.length}; _carillon; echo "\${COMPREPLY[@]}"`;
    return spawnSync("bash", ["-c", asked], { encoding: "utf8" }).stdout.trim().split(" ");
  };
  expect(completed("se")).toEqual(["serve", "send"]);
  expect(completed("topic", "gr")).toEqual(["grants", "grant"]);
  expect(completed("send", "--exp")).toEqual(["--expires"]);
  expect(completed("serve", "--postgres-u")).toEqual(["--postgres-url"]);
  expect(completed("serve", "--token-secret")).toEqual(["--token-secret-file"]);
  expect(completed("")).toContain("completion");
});

test.for(["zsh", "fish"])("what %s is given, it can read", async (shell, { skip }) => {
  if (hasNot(shell)) skip(`${shell} isn't installed here`);
  const script = await scriptOf(shell);
  expect(spawnSync(shell, ["-n", script], { encoding: "utf8" })).toMatchObject({ status: 0, stderr: "" });
});

test.skipIf(hasNot("fish"))("fish completes verbs with what they do, and their flags", async () => {
  const script = await scriptOf("fish");
  const completed = (line: string) =>
    spawnSync("fish", ["--no-config", "-c", `source '${script}'; complete -C '${line}'`], {
      encoding: "utf8",
    })
      .stdout.trim()
      .split("\n");
  expect(completed("carillon liste")).toEqual([expect.stringMatching(/^listen\t\w/)]);
  expect(completed("carillon topic gran")).toEqual(["grant", "grants"]);
  expect(completed("carillon send --expi")).toEqual(["--expires"]);
});

test("another shell is told which there are", async () => {
  expect(await place.done(["completion", "csh"])).toMatchObject({
    status: 2,
    err: expect.stringContaining("bash, zsh or fish"),
  });
});
