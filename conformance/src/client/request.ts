/** Requests, every answer of which is examined: it has a request id, and what is an error is a problem. */

import { type Problem, type ProblemCode, problems } from "@carillon/protocol/problems";
import { ProblemAnswer } from "@carillon/protocol/receipt";
import Value from "typebox/value";
import { patienceMs } from "./deadline.ts";

export interface Ask {
  /** A value becomes JSON; text and bytes go as they are. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Goes into `Authorization: Bearer`; null for none. */
  readonly credential?: string | null;
  /** Long polls take longer. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed where it is JSON, else text; undefined where there is none. */
  readonly body: unknown;
}

export async function request(method: string, url: string, ask: Ask = {}): Promise<Answer> {
  const { body, headers, credential, timeoutMs = patienceMs, signal } = ask;
  const raw = typeof body === "string" || body instanceof Uint8Array;
  const response = await fetch(url, {
    method,
    headers: {
      ...(body === undefined || raw ? {} : { "content-type": "application/json" }),
      ...(typeof credential !== "string" ? {} : { authorization: `Bearer ${credential}` }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: raw ? (body as string) : JSON.stringify(body) }),
    signal: AbortSignal.any([AbortSignal.timeout(timeoutMs), ...(signal === undefined ? [] : [signal])]),
  });
  const text = await response.text();
  const isJson = /[/+]json\b/.test(response.headers.get("content-type") ?? "");
  const answer = {
    status: response.status,
    headers: response.headers,
    body: text === "" ? undefined : isJson ? JSON.parse(text) : text,
  };
  const fault = faultOf(answer);
  if (fault !== null) throw new Error(`${method} ${url}: ${fault}\n${answer.status} ${text.slice(0, 2_000)}`);
  return answer;
}

/** What is wrong with an answer whatever was asked. */
function faultOf({ status, headers, body }: Answer): string | null {
  if (!headers.get("x-request-id")) return "the answer has no X-Request-Id";
  if (status < 400) return null;
  const mediaType = headers.get("content-type") ?? "";
  if (mediaType.split(";", 1)[0] !== "application/problem+json") return `an error as ${mediaType}`;
  const fault = faultOfProblem(body);
  if (fault !== null) return fault;
  const { status: told, instance } = body as Problem;
  if (told !== status) return `the problem says ${told}`;
  if (instance !== headers.get("x-request-id")) return "the problem's instance is not the request's id";
  return null;
}

/** Null for a problem as section 9 has it: of the table, and with the place of each error named in one way. */
export function faultOfProblem(value: unknown): string | null {
  if (!Value.Check(ProblemAnswer, value)) return `not a problem: ${JSON.stringify(value)}`;
  const { type, code, status, errors = [] } = value as Problem;
  const known = problems[code as ProblemCode] as { readonly status: number } | undefined;
  if (known === undefined) return `${code} is not in the table`;
  if (known.status !== status) return `${code} with status ${status}`;
  if (type !== `urn:carillon:problem:${code}`) return `the type of ${code} is ${type}`;
  for (const { pointer, parameter, header } of errors) {
    if ([pointer, parameter, header].filter((place) => place !== undefined).length !== 1)
      return `an error of ${code} names not exactly one place`;
    if (pointer !== undefined && !/^(\/([^~/]|~[01])*)*$/.test(pointer))
      return `${pointer} is no JSON pointer`;
  }
  return null;
}
