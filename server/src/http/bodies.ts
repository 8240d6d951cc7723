/**
 * The forms in which notifications arrive, each read once, from bytes to notifications.
 */
import {
  type Form,
  formOf,
  type Headers,
  readBinary,
  readItem,
  readStructured,
} from "@carillon/protocol/cloudevents";
import { splitNdjson } from "@carillon/protocol/ndjson";
import type { ParsedNotification } from "@carillon/protocol/parse-notification";
import { type Problem, problem } from "@carillon/protocol/problems";
import { type Parsed, parseJson, parseText } from "./json.ts";

export type Submitted =
  | { readonly kind: "one"; readonly item: ParsedNotification }
  | { readonly kind: "batch"; readonly items: readonly ParsedNotification[] }
  | { readonly kind: "refused"; readonly problem: Problem };

export function readSubmitted(headers: Headers, body: Buffer, itemsMost: number): Submitted {
  const form = formOf(headers);
  if (form === null) return refuse(unsupported);
  if (form === "binary") return { kind: "one", item: readBinary(headers, body) };
  return form === "ndjson" ? readLines(body, itemsMost) : readDocument(form, body, itemsMost);
}

const unsupported = problem(
  "media-type-unsupported",
  "send application/json, application/x-ndjson, application/cloudevents+json, application/cloudevents-batch+json, or ce- headers",
);

const refuse = (what: Problem): Submitted => ({ kind: "refused", problem: what });
const notJson = (what: string, detail: string): Problem =>
  problem("body-invalid", `${what} is ${detail}`, { errors: [{ pointer: "", detail: `is ${detail}` }] });
const tooMany = (itemsMost: number): Submitted =>
  refuse(problem("batch-too-large", `at most ${itemsMost} notifications in one request`));

function readDocument(form: Exclude<Form, "binary" | "ndjson">, body: Buffer, itemsMost: number): Submitted {
  const parsed = parseJson(body);
  if (!parsed.ok) return refuse(notJson("the body", parsed.detail));
  const { value } = parsed;
  const read = form === "plain" ? readItem : readStructured;
  if (!Array.isArray(value)) {
    if (form === "batch") return refuse(notJson("the body", "no array of CloudEvents"));
    return { kind: "one", item: read(value) };
  }
  if (form === "structured")
    return refuse(notJson("the body", "an array: say application/cloudevents-batch+json"));
  if (value.length > itemsMost) return tooMany(itemsMost);
  return { kind: "batch", items: value.map((item) => read(item)) };
}

function readLines(body: Buffer, itemsMost: number): Submitted {
  const whole = decode(body);
  if (whole === null) return refuse(notJson("the body", "not UTF-8"));
  const lines = splitNdjson(whole, itemsMost);
  if (lines === null) return tooMany(itemsMost);
  return { kind: "batch", items: lines.map(({ line, text }) => readLine(line, parseText(text))) };
}

const readLine = (line: number, parsed: Parsed): ParsedNotification =>
  parsed.ok
    ? readItem(parsed.value)
    : { problem: notJson(`line ${line}`, parsed.detail.replace(/ at .*$/, "")) };

const decode = (body: Buffer): string | null => {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    return null;
  }
};
