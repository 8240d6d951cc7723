/**
 * JSON from outside: what JSON.parse takes, strictly UTF-8, without a byte order mark; and where it stops being
 * JSON, which JSON.parse only sometimes says.
 */
import { isUtf8 } from "node:buffer";

export type Parsed =
  | { readonly ok: true; readonly value: unknown }
  /** `detail` says what and where, for people, and quotes nothing of the text. */
  | { readonly ok: false; readonly detail: string };

export function parseJson(body: Buffer): Parsed {
  return isUtf8(body) ? parseText(body.toString("utf8")) : { ok: false, detail: "not UTF-8" };
}

export function parseText(text: string): Parsed {
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch {
    return {
      ok: false,
      detail: text.trim() === "" ? "empty" : `not JSON at ${placeOf(text, faultOf(text))}`,
    };
  }
}

function placeOf(text: string, at: number): string {
  const before = text.slice(0, at);
  const line = before.split("\n").length;
  const column = at - before.lastIndexOf("\n");
  return at >= text.length
    ? `its end (line ${line}): something is missing`
    : `line ${line}, column ${column}`;
}

const space = /[ \t\r\n]*/y;
const scalar = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

function skip(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}

/** Behind the string that begins at `at`; or, negative, -1 - the place of what is wrong in it. */
function stringEnd(text: string, at: number): number {
  for (let i = at + 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x22) return i + 1;
    if (code < 0x20) return -1 - i;
    if (code !== 0x5c) continue;
    const escaped = text.slice(i + 1, i + 6);
    if (/^u[0-9a-fA-F]{4}/.test(escaped)) i += 5;
    else if (/^["\\/bfnrt]/.test(escaped)) i += 1;
    else return -1 - i;
  }
  return -1 - text.length;
}

/** The place of the first character that can't be there; the length of the text when it ends too soon. */
function faultOf(text: string): number {
  const open: ("[" | "{")[] = [];
  let wanted: "value" | "first value" | "name" | "first name" | "colon" | "comma" = "value";
  let at = skip(space, text, 0);
  while (at < text.length) {
    const char = text[at]!;
    const inside = open[open.length - 1];
    if (wanted === "colon") {
      if (char !== ":") return at;
      wanted = "value";
      at++;
    } else if (char === (inside === "[" ? "]" : "}") && inside && closable(wanted, inside)) {
      open.pop();
      wanted = "comma";
      at++;
    } else if (wanted === "comma") {
      if (char !== "," || inside === undefined) return at;
      wanted = inside === "[" ? "value" : "name";
      at++;
    } else if (wanted === "name" || wanted === "first name") {
      const end = char === '"' ? stringEnd(text, at) : -1 - at;
      if (end < 0) return -1 - end;
      wanted = "colon";
      at = end;
    } else if (char === "[" || char === "{") {
      open.push(char);
      wanted = char === "[" ? "first value" : "first name";
      at++;
    } else {
      const end = char === '"' ? stringEnd(text, at) : skip(scalar, text, at);
      if (end < 0) return -1 - end;
      if (end === at) return at;
      wanted = "comma";
      at = end;
    }
    at = skip(space, text, at);
  }
  return text.length;
}

const closable = (wanted: string, inside: "[" | "{"): boolean =>
  wanted === "comma" || wanted === (inside === "[" ? "first value" : "first name");
