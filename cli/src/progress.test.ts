import { expect, test } from "vitest";
import { watchProgress } from "./progress.ts";

const progress = {
  stage: "copy streams",
  rows: 1_500,
  of: 6_000,
  rowsPerSecond: 500,
  leftMs: 9_000,
  tookMs: 3_000,
  done: false,
};
const done = { ...progress, rows: 6_000, leftMs: 0, tookMs: 12_000, done: true };

function watched(json: boolean, terminal: boolean) {
  const said: string[] = [];
  const say = (where: string) => (text: string) => void said.push(`${where} ${text}`);
  return { said, ...watchProgress({ json, terminal, out: say("out"), err: say("err") }) };
}

test("a line a stage where nobody watches", () => {
  const { said, tell } = watched(false, false);
  for (const one of [progress, progress, done]) tell(one);
  expect(said).toEqual(["err copy streams: 6,000, 500/s, 12 s\n"]);
});

test("one line on a terminal, not more than twice a second", () => {
  const { said, tell, note } = watched(false, true);
  for (const one of [progress, progress, progress]) tell(one);
  note("PostgreSQL is away");
  tell(done);
  expect(said).toEqual([
    "err \r\u001b[Kcopy streams: 1,500 of 6,000, 500/s, 9.0 s left",
    "err \r\u001b[KPostgreSQL is away\n",
    "err \r\u001b[Kcopy streams: 6,000, 500/s, 12 s\n",
  ]);
});

test("an object a line for machines", () => {
  const { said, tell, note } = watched(true, false);
  tell(progress);
  note("wait");
  expect(said.map((line) => JSON.parse(line.slice(4)))).toEqual([
    { type: "progress", ...progress },
    { type: "note", text: "wait" },
  ]);
});
