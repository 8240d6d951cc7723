/**
 * From anything that JSON can say to a notification, or to a problem that names each place that is wrong.
 */
import { Compile } from "typebox/compile";
import Value from "typebox/value";
import { limits } from "./limits.ts";
import { memberMeant } from "./misspelling.ts";
import { nearest } from "./nearest.ts";
import { Extension, type Notification, NotificationBody, properties } from "./notification.ts";
import { type FieldError, type Problem, pointerTo, problem } from "./problems.ts";
import { isStreamName, isTopicStream, type StreamName } from "./stream.ts";
import { parseTimestamp } from "./timestamp.ts";

export type ParsedNotification =
  | { readonly notification: Notification; readonly problem?: undefined }
  | { readonly notification?: undefined; readonly problem: Problem };

type Named = keyof typeof properties;
/** How a form of sending spells our names, where it does so differently. */
export type Spelling = Readonly<Partial<Record<Named, string>>>;

/**
 * `input` is what JSON.parse gave; it is not changed, and parts of it are shared with the answer. Pointers are
 * relative to `input`, and use the names of `spelling`. About 1 us for a small one that is right. Without `spelling`
 * it is the plain form: there a name that looks like a misspelt member is refused.
 */
export const parseNotification = (input: unknown, spelling: Spelling | null = null): ParsedNotification => {
  const errors =
    faultsOfSize(input) ??
    (check(input) ? faultsBeyondSchema(input, spelling) : faultsOfSchema(input, spelling));
  if (errors.length > 0) return { problem: refusal(errors.slice(0, limits.errorsNamed), input) };
  const { to } = input as { to: StreamName | StreamName[] };
  const recipients = typeof to === "string" ? [to] : to.length > 1 ? [...new Set(to)] : to;
  return {
    notification: (recipients === to ? input : { ...(input as object), to: recipients }) as Notification,
  };
};

const compiled = Compile(NotificationBody);
const check = (input: unknown): input is Record<string, unknown> => compiled.Check(input);

const expected: Record<Named, string> = {
  to: `a stream (user:<id> or topic:<name>), or an array of 1 to ${limits.recipients} of them`,
  topic: "a topic's name, 1 to 128 letters, digits and ._~@+:=-, without topic: before it",
  id: "1 to 256 characters, none of them a control character",
  source: "a URI reference of 1 to 256 characters",
  type: "1 to 256 characters, none of them a control character",
  subject: "1 to 256 characters, none of them a control character",
  time: "an RFC 3339 timestamp such as 2026-01-31T09:30:00Z",
  data: "any JSON value",
  data_base64: "base64 with padding",
  datacontenttype: "a media type such as text/plain",
  dataschema: "a URI of 1 to 256 characters",
  expires: "an RFC 3339 timestamp, or a time from now such as 30s, 10m, 24h or 7d",
  collapseKey: "1 to 128 characters, none of them a control character",
  silent: "true or false",
  ephemeral: "true or false",
  receipt: "true or false",
};

const members = Object.keys(properties);
const isNamed = (name: string): name is Named => Object.hasOwn(properties, name);

/** Far beyond what is allowed: up to here each that is wrong is named. */
const membersLookedAt = 4_096;
const tooManyExtensions: FieldError = {
  pointer: "",
  detail: `has more than ${limits.extensions} extension attributes`,
};

/** Before the schema, which would look at every one of a million. */
const faultsOfSize = (input: unknown): FieldError[] | null => {
  if (typeof input !== "object" || input === null || Array.isArray(input)) return null;
  if (Object.keys(input).length > membersLookedAt) return [tooManyExtensions];
  const { to } = input as { to?: unknown };
  return Array.isArray(to) && to.length > limits.recipients ? faultsOfRecipients(to) : null;
};

const faultsOfSchema = (input: unknown, spelling: Spelling | null): FieldError[] => {
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    return [{ pointer: "", detail: "must be an object" }];
  }
  const errors: FieldError[] = [];
  for (const name of NotificationBody.required) {
    if (!Object.hasOwn(input, name)) errors.push({ pointer: pointerTo("", name), detail: "is missing" });
  }
  let extensions = 0;
  for (const [name, value] of Object.entries(input)) {
    const pointer = pointerTo("", (isNamed(name) && spelling?.[name]) || name);
    if (errors.length >= limits.errorsNamed) break;
    if (!isNamed(name)) {
      extensions++;
      errors.push(...faultsOfExtension(name, value, pointer, spelling === null));
    } else if (!Value.Check(properties[name], value)) {
      if (name === "to" && Array.isArray(value)) errors.push(...faultsOfRecipients(value));
      else errors.push({ pointer, detail: `must be ${expected[name]}` });
    }
  }
  if (extensions > limits.extensions) errors.push(tooManyExtensions);
  return errors;
};

const faultsOfExtension = (name: string, value: unknown, pointer: string, isPlain: boolean): FieldError[] => {
  if (!/^[a-z0-9]{1,20}$/.test(name)) {
    const meant = nearest(name.replaceAll(/[_-]/g, ""), members);
    const hint =
      meant === null ? "extension attributes have 1 to 20 of a-z and 0-9" : `did you mean ${meant}?`;
    return [{ pointer, detail: `is not known; ${hint}` }];
  }
  const meant = isPlain ? memberMeant(name, members) : null;
  if (meant !== null) return [{ pointer, detail: `is not known; did you mean ${meant}?` }];
  if (Value.Check(Extension, value)) return [];
  const wanted = "text of at most 1,024 characters, a boolean or a 32-bit integer";
  return [{ pointer, detail: `an extension attribute must be ${wanted}` }];
};

const faultsOfRecipients = (to: readonly unknown[]): FieldError[] => {
  if (to.length === 0 || to.length > limits.recipients) {
    return [{ pointer: "/to", detail: `must name 1 to ${limits.recipients} streams` }];
  }
  return to.flatMap((stream, i) =>
    typeof stream === "string" && isStreamName(stream)
      ? []
      : [{ pointer: pointerTo("/to", i), detail: "must be user:<id> or topic:<name>" }],
  );
};

/** To some of those who follow a topic: users, each by their own stream. */
const faultsOfMembers = (to: StreamName | readonly StreamName[]): FieldError[] => {
  const detail = "must be user:<id>, as topic says whose members are told";
  if (typeof to === "string") return isTopicStream(to) ? [{ pointer: "/to", detail }] : [];
  return to.flatMap((stream, i) => (isTopicStream(stream) ? [{ pointer: pointerTo("/to", i), detail }] : []));
};

/** Names that would be extension attributes, but mean something else or will. */
const reserved: Readonly<Record<string, string>> = {
  __proto__: "is not allowed as a name",
  channels: "is reserved",
  collapsekey: "is not known; did you mean collapseKey?",
  constructor: "is not allowed as a name",
  expirytime: "is not known; did you mean expires?",
  prototype: "is not allowed as a name",
  specversion: "belongs to CloudEvents",
};

const faultsBeyondSchema = (input: Record<string, unknown>, spelling: Spelling | null): FieldError[] => {
  const errors: FieldError[] = [];
  const fault = (name: Named, detail: string): void => {
    errors.push({ pointer: pointerTo("", spelling?.[name] ?? name), detail });
  };
  let extensions = 0;
  for (const name in input) {
    if (isNamed(name)) continue;
    extensions++;
    const pointer = pointerTo("", name);
    if (Object.hasOwn(reserved, name)) errors.push({ pointer, detail: reserved[name]! });
    else if (spelling === null) {
      const meant = memberMeant(name, members);
      if (meant !== null) errors.push({ pointer, detail: `is not known; did you mean ${meant}?` });
    }
  }
  if (extensions > limits.extensions) errors.push(tooManyExtensions);
  const { data, datacontenttype, time, expires, topic } = input as Partial<Notification>;
  if (topic !== undefined) errors.push(...faultsOfMembers(input["to"] as StreamName | StreamName[]));
  if (data !== undefined) {
    if (input["data_base64"] !== undefined) fault("data_base64", "stands instead of data, not beside it");
    if (datacontenttype !== undefined && typeof data !== "string" && !isJsonType(datacontenttype)) {
      fault("data", `must be a string, as ${datacontenttype} is no JSON type; bytes go into data_base64`);
    }
    if (typeof data === "object" && data !== null) {
      const nested = faultInData(data, "/data", 1);
      if (nested) errors.push(nested);
    } else if (typeof data === "number" && !Number.isFinite(data)) {
      fault("data", "is a number out of range");
    }
  }
  if (time !== undefined && parseTimestamp(time) === null) fault("time", "must be a day that exists");
  if (expires?.includes("T") && parseTimestamp(expires) === null)
    fault("expires", "must be a day that exists");
  if (input["ephemeral"] === true) {
    for (const name of ["receipt", "collapseKey", "expires"] as const) {
      const given = input[name] !== undefined && input[name] !== false;
      if (given) fault(name, "can't be had with ephemeral: nothing of it is kept");
    }
  }
  return errors;
};

/** `application/json` and `*+json`, whatever the parameters (CloudEvents JSON format, section 3.1.1). */
export const isJsonType = (mediaType: string): boolean => /^[^;/]+\/([^;]+\+)?json *(;|$)/i.test(mediaType);

/** Depth, numbers that JSON.parse made infinite, and a name that has harmed those who copy objects by hand. */
const faultInData = (value: object, pointer: string, depth: number): FieldError | null => {
  if (depth > limits.dataDepth) return { pointer, detail: `is nested more than ${limits.dataDepth} deep` };
  const isArray = Array.isArray(value);
  const keys = isArray ? value : Object.keys(value);
  for (let i = 0; i < keys.length; i++) {
    const key = isArray ? i : keys[i];
    const inner = (value as Record<string, unknown>)[key];
    if (typeof inner === "object" && inner !== null) {
      const fault = faultInData(inner, "", depth + 1);
      if (fault) return { ...fault, pointer: pointerTo(pointer, key) + fault.pointer };
    } else if (typeof inner === "number" && !Number.isFinite(inner)) {
      return { pointer: pointerTo(pointer, key), detail: "is a number out of range" };
    }
    if (key === "__proto__") return { pointer: pointerTo(pointer, key), detail: "is not allowed as a name" };
  }
  return null;
};

const refusal = (errors: readonly FieldError[], input: unknown): Problem => {
  const to = (input as { to?: unknown } | null)?.to;
  if (Array.isArray(to) && to.length > limits.recipients) {
    return problem(
      "recipients-too-many",
      `${to.length} recipients; at most ${limits.recipients} are allowed`,
      {
        errors,
      },
    );
  }
  const [first] = errors;
  const place = first?.pointer || "The notification";
  return problem("body-invalid", `${place} ${first?.detail}`, { errors });
};
