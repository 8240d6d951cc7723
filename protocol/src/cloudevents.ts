/**
 * CloudEvents 1.0 in their HTTP forms, brought into the plain form of notification.ts.
 *
 * Routing comes as extension attributes: `to` (streams separated by commas), `expirytime`, `collapsekey`,
 * `silent`, `ephemeral`, `receipt` (in JSON a boolean or the text of one). The plain names `expires` and
 * `collapseKey` are understood too. An attribute that is null is unset.
 * Sources: CloudEvents 1.0.2, HTTP Protocol Binding 3.1 to 3.3, JSON Event Format 2 to 4.
 */
import {
  isJsonType,
  type ParsedNotification,
  parseNotification,
  type Spelling,
} from "./parse-notification.ts";
import { type FieldError, pointerTo, problem } from "./problems.ts";

/** Header names in lower case, as Node and fetch give them. */
export type Headers = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * How notifications are sent: `plain` an object or an array of them (`application/json`), `ndjson` one a line,
 * `structured` and `batch` CloudEvents in JSON, `binary` a CloudEvent whose attributes are `ce-` headers.
 */
export type Form = "plain" | "ndjson" | "structured" | "batch" | "binary";

/** Null: a media type that isn't understood here. */
export const formOf = (headers: Headers): Form | null => {
  const contentType = text(headers["content-type"]);
  const mediaType = contentType?.split(";", 1)[0]?.trim().toLowerCase();
  if (mediaType?.startsWith("application/cloudevents")) {
    if (mediaType === "application/cloudevents+json") return "structured";
    return mediaType === "application/cloudevents-batch+json" ? "batch" : null;
  }
  if (headers["ce-specversion"] !== undefined || headers["ce-id"] !== undefined) return "binary";
  if (mediaType === "application/json") return "plain";
  return mediaType && ndjsonTypes.has(mediaType) ? "ndjson" : null;
};

const ndjsonTypes: ReadonlySet<string> = new Set([
  "application/x-ndjson",
  "application/ndjson",
  "application/jsonl",
  "application/x-jsonlines",
]);

/** An item of a `plain` or `ndjson` body: a CloudEvent when it has a `specversion`, else our own form. */
export const readItem = (value: unknown): ParsedNotification =>
  isRecord(value) && Object.hasOwn(value, "specversion") ? readStructured(value) : parseNotification(value);

/** A `structured` body, or an item of a `batch`. */
export const readStructured = (value: unknown): ParsedNotification => {
  if (!isRecord(value)) return refuse([{ pointer: "", detail: "must be an object: a CloudEvent" }]);
  const errors: FieldError[] = [];
  const { specversion } = value;
  if (specversion !== "1.0") errors.push({ pointer: "/specversion", detail: 'must be "1.0"' });
  for (const name of ["id", "source"]) {
    if (value[name] == null) errors.push({ pointer: pointerTo("", name), detail: "is missing" });
  }
  const plain: Record<string, unknown> = {};
  for (const [name, given] of Object.entries(value)) {
    if (name === "specversion" || (given === null && name !== "data")) continue;
    const plainName = name === "expirytime" ? "expires" : name === "collapsekey" ? "collapseKey" : name;
    if (Object.hasOwn(plain, plainName)) {
      errors.push({ pointer: pointerTo("", name), detail: `says the same as ${spellingOf(plainName)}` });
    } else if (name === "__proto__") {
      errors.push({ pointer: pointerTo("", name), detail: "is not allowed as a name" });
    } else {
      plain[plainName] = name === "to" ? recipients(given) : flags.has(name) ? flag(given) : given;
    }
  }
  return errors.length > 0 ? refuse(errors) : parseNotification(plain, spelling);
};

/**
 * A `binary` request. The data becomes JSON where `content-type` is a JSON type, text where it is text in UTF-8,
 * else base64; an empty body is no data. Pointers in a problem name attributes (`/collapsekey`) and `/data`.
 */
export const readBinary = (headers: Headers, body: Uint8Array): ParsedNotification => {
  const errors: FieldError[] = [];
  const attributes: [string, unknown][] = [];
  for (const [header, value] of Object.entries(headers)) {
    if (!header.startsWith("ce-") || value === undefined) continue;
    const name = header.slice(3);
    const pointer = pointerTo("", name);
    const decoded = decodeHeader(text(value) ?? "");
    if (decoded === null) {
      errors.push({ pointer, detail: "must be percent-encoded UTF-8 in printable ASCII" });
    } else if (name === "datacontenttype" || name === "data" || name === "data_base64") {
      errors.push({ pointer, detail: "must not be a header: the body and its content-type say it" });
    } else {
      attributes.push([name, decoded]);
    }
  }
  const contentType = text(headers["content-type"])?.trim();
  if (contentType) attributes.push(["datacontenttype", contentType]);
  if (body.length > 0) {
    const data = readData(contentType, body);
    if (data) attributes.push(data);
    else errors.push({ pointer: "/data", detail: `is not JSON in UTF-8, as ${contentType} says` });
  }
  return errors.length > 0 ? refuse(errors) : readStructured(Object.fromEntries(attributes));
};

const refuse = (errors: readonly FieldError[]): ParsedNotification => ({
  problem: problem("body-invalid", `${errors[0]?.pointer || "The event"} ${errors[0]?.detail}`, { errors }),
});

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const text = (value: string | readonly string[] | undefined): string | undefined =>
  typeof value === "object" ? value.join(",") : value;

const spelling: Spelling = { expires: "expirytime", collapseKey: "collapsekey" };
const spellingOf = (name: string): string => spelling[name as keyof Spelling] ?? name;

const flags: ReadonlySet<string> = new Set(["silent", "ephemeral", "receipt"]);
const flag = (value: unknown): unknown => (value === "true" ? true : value === "false" ? false : value);

const recipients = (value: unknown): unknown =>
  typeof value === "string" ? value.split(",").map((stream) => stream.trim()) : value;

/** HTTP Protocol Binding 3.1.3.2: quoted strings first, then one round of percent-decoding, strictly UTF-8. */
const decodeHeader = (value: string): string | null => {
  if (!/^[\t\x20-\x7e]*$/.test(value)) return null;
  const trimmed = value.trim();
  const quoted = /^"((?:[^"\\]|\\.)*)"$/.exec(trimmed);
  const unquoted = quoted ? quoted[1]!.replaceAll(/\\(.)/g, "$1") : trimmed;
  if (!unquoted.includes("%")) return unquoted;
  try {
    return decodeURIComponent(unquoted);
  } catch {
    return null;
  }
};

const readData = (contentType: string | undefined, body: Uint8Array): [string, unknown] | null => {
  if (contentType && isJsonType(contentType)) {
    try {
      return ["data", JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body))];
    } catch {
      return null;
    }
  }
  if (contentType && isUtf8Text(contentType)) {
    try {
      return ["data", new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body)];
    } catch {
      // Not the text that it says to be: its bytes are kept as they are.
    }
  }
  return ["data_base64", base64(body)];
};

const isUtf8Text = (contentType: string): boolean => {
  const charset = /; *charset="?([^";]*)/i.exec(contentType)?.[1]?.trim().toLowerCase() ?? "utf-8";
  return (
    /^(text\/|[^;/]+\/([^;]+\+)?xml *(;|$))/i.test(contentType) &&
    (charset === "utf-8" || charset === "us-ascii")
  );
};

const base64 = (bytes: Uint8Array): string => {
  let binary = "";
  for (let at = 0; at < bytes.length; at += 8192) {
    binary += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return btoa(binary);
};
