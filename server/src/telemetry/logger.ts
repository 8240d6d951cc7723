/**
 * Logs: one object a line to standard error, with ids and never a secret or a payload. What people send is not
 * ours to print: fields that carry it are dropped by name, and tokens and keys are blotted out wherever they
 * turn up, in messages, stacks and URLs alike.
 */
import { pino, stdSerializers } from "pino";
import { asText } from "./text.ts";

export type Level = "debug" | "info" | "warn" | "error";

type Say = (fields: Readonly<Record<string, unknown>>, message: string) => void;

/** What the rest of the server logs with. `err` is the field for an exception. */
export interface Logger extends Readonly<Record<Level, Say>> {
  child(fields: Readonly<Record<string, unknown>>): Logger;
}

export interface LoggerOptions {
  readonly level: Level;
  readonly format: "json" | "text";
  /** Takes whole lines; by default standard error, written at once so that the last words of a crash are there. */
  readonly write?: (line: string) => void;
}

/** Fields that hold what users and producers say, or what opens doors. Compared without case, `-` and `_`. */
const hiddenFields = new Set([
  "apikey",
  "authorization",
  "body",
  "cookie",
  "credentials",
  "cursor",
  "data",
  "event",
  "key",
  "password",
  "payload",
  "secret",
  "setcookie",
  "signingkey",
  "ticket",
  "token",
]);

const hidden = "[hidden]";
const deepest = 6;

/** Fields of exceptions that say what somebody sent: a database's account of a row, the text that was no URL. */
const hiddenOfErrors = new Set(["detail", "input", "internalquery", "where"]);

/** API keys, tickets, JSON Web Tokens, bearer credentials, passwords in addresses, and credentials in a URL's query. */
const secrets = [
  /\bck_[A-Za-z0-9_-]{20,}/g,
  /\bct_[A-Za-z0-9_-]{20,}\.?[A-Za-z0-9_-]*/g,
  /\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.?[A-Za-z0-9_-]*/g,
  /\b(?:Bearer|Basic) +[A-Za-z0-9+/_.~=-]+/gi,
  /(?<=\b[a-z][a-z0-9+.-]{0,20}:\/\/[^:@/?#\s"\\]{0,128}:)[^@/\s"\\]+(?=@)/gi,
  /(?<=[?&](?:token|ticket|cursor|key|access_token)=)[^&\s"\\]+/gi,
];

const blot = (line: string): string => secrets.reduce((text, secret) => text.replace(secret, hidden), line);

const plainly = (name: string): string => name.toLowerCase().replace(/[-_]/g, "");

function errorWithoutPayload(error: Error): Record<string, unknown> {
  const fields = withoutPayload(stdSerializers.err(error)) as Record<string, unknown>;
  const list = fields["aggregateErrors"];
  for (const one of [fields, ...(Array.isArray(list) ? list : [])]) {
    for (const name of Object.keys(one)) if (hiddenOfErrors.has(plainly(name))) one[name] = hidden;
  }
  return fields;
}

function withoutPayload(value: unknown, depth = 0): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (depth === deepest) return "[deeper]";
  if (value instanceof Error) return value;
  if (Buffer.isBuffer(value) || ArrayBuffer.isView(value)) return hidden;
  if (Array.isArray(value)) return value.slice(0, 20).map((item) => withoutPayload(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => {
      return [name, hiddenFields.has(plainly(name)) ? hidden : withoutPayload(item, depth + 1)];
    }),
  );
}

export function makeLogger({ level, format, write }: LoggerOptions): Logger {
  const toStandardError = pino.destination({ fd: 2, sync: true });
  const put = write ?? ((line: string) => void toStandardError.write(line));
  return pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: {
        level: (label) => ({ level: label }),
        log: (fields) => withoutPayload(fields) as Record<string, unknown>,
        bindings: (fields) => withoutPayload(fields) as Record<string, unknown>,
      },
      serializers: { err: errorWithoutPayload },
      hooks: { streamWrite: blot },
    },
    { write: format === "text" ? (line) => put(asText(line)) : put },
  );
}
