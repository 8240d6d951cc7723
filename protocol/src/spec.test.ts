import { readFileSync } from "node:fs";
import type { TSchema } from "typebox";
import Value from "typebox/value";
import { expect, test } from "vitest";
import { PollAnswer, StateAnswer, StatusAnswer, TokenAnswer } from "./answers.ts";
import { closeCodes } from "./close-codes.ts";
import { readItem } from "./cloudevents.ts";
import { decodeCursor } from "./cursor.ts";
import { clientFrames, serverFrames } from "./frame-schemas.ts";
import { limits } from "./limits.ts";
import { properties } from "./notification.ts";
import { problem, problems } from "./problems.ts";
import { ProblemAnswer } from "./receipt.ts";

const spec = readFileSync(new URL("../spec.md", import.meta.url), "utf8");
const section = (number: number) => spec.split(/^## \d+\. /m)[number] ?? "";
const subsection = (number: string) => spec.split(`### ${number}. `)[1]?.split(/^##/m)[0] ?? "";
const rows = (text: string) =>
  [...text.matchAll(/^\| (.+) \|$/gm)].map(([, row]) => row!.split(/ ?\| ?/).map((cell) => cell.trim()));
const firstColumn = (text: string) => rows(text).map(([cell]) => cell?.replaceAll("`", ""));
const blocks = [...spec.matchAll(/^```\n([\s\S]*?)^```$/gm)].flatMap(([, block]) => block!.split("\n"));
const examples = blocks.flatMap((line) => {
  const found = /^(-> |<- |data: )?(\{.*\})$/.exec(line);
  return found ? [{ from: found[1]?.trim(), json: found[2]!, value: JSON.parse(found[2]!) }] : [];
});

test("the table of problems is the code's", () => {
  const told = rows(section(9)).filter(([code]) => code?.startsWith("`"));
  expect(told).toEqual(
    Object.entries(problems).map(([code, { status, title, doc }]) => [
      `\`${code}\``,
      `${status}`,
      title,
      doc,
    ]),
  );
});

test("the table of close codes is the code's, in the ranges that say whether to come back", () => {
  const told = rows(section(8)).filter(([code]) => /^\d/.test(code ?? ""));
  expect(told).toEqual(
    Object.entries(closeCodes).map(([name, { code, doc }]) => [`${code}`, `\`${name}\``, doc]),
  );
  const codes = Object.values(closeCodes).map(({ code }) => code);
  expect(new Set(codes).size).toBe(codes.length);
  for (const { code, doc } of Object.values(closeCodes)) {
    expect(code).toBeGreaterThanOrEqual(3000);
    expect(code).toBeLessThan(4000);
    if (/connect again/.test(doc)) expect(code).toBeLessThan(3500);
  }
});

test("a problem is built from its row", () => {
  for (const code of Object.keys(problems) as (keyof typeof problems)[]) {
    const made = problem(code, "why", { retryMs: 5, errors: [{ pointer: "/id", detail: "is missing" }] });
    expect(Value.Check(ProblemAnswer, made), code).toBe(true);
    expect(made.title).toBe(problems[code].title);
    expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/);
  }
});

test("every frame is told, and none that there isn't", () => {
  const names = (frames: Record<string, TSchema>) => Object.keys(frames);
  const fromServer = [...names(serverFrames), "unsubscribe"].sort();
  expect(firstColumn(subsection("6.2")).slice(1).sort()).toEqual(fromServer);
  expect(firstColumn(subsection("6.5")).slice(1).sort()).toEqual(names(clientFrames).sort());
});

test("every member of a notification is told", () => {
  const told = firstColumn(subsection("4.1")).filter((name) => name !== "member" && name !== "other");
  expect(told.sort()).toEqual(Object.keys(properties).sort());
  expect(subsection("4.1")).toContain(`1 to ${limits.recipients}`);
});

test("every example is one", () => {
  const known: Record<string, TSchema> = { ...serverFrames, unsubscribe: serverFrames.subscribe };
  let checked = 0;
  for (const { from, json, value } of examples) {
    checked++;
    const isAsked = from === "->" || (value.type !== "reply" && "ref" in value);
    if (value.type in known && !isAsked) {
      expect(Value.Check(known[value.type]!, value), json).toBe(true);
    } else if (value.type in clientFrames) {
      expect(Value.Check(clientFrames[value.type as keyof typeof clientFrames], value), json).toBe(true);
    } else if ("frames" in value) expect(Value.Check(PollAnswer, value), json).toBe(true);
    else if ("version" in value) expect(Value.Check(StateAnswer, value), json).toBe(true);
    else if ("state" in value && "to" in value) expect(Value.Check(StatusAnswer, value), json).toBe(true);
    else if ("token" in value) expect(Value.Check(TokenAnswer, value), json).toBe(true);
    else if ("detail" in value) expect(Value.Check(ProblemAnswer, value), json).toBe(true);
    else if ("to" in value) expect(readItem(value).problem, json).toBeUndefined();
    else checked--;
  }
  expect(checked).toBeGreaterThan(22);
});

test("every cursor in an example is one", () => {
  const cursors = [...spec.matchAll(/(?:"cursor":"|^id: )([^"\n]+)/gm)].map(([, cursor]) => cursor!);
  expect(cursors.length).toBeGreaterThan(5);
  for (const cursor of cursors) expect(decodeCursor(cursor).error, cursor).toBeUndefined();
});
