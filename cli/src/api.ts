/**
 * Requests to the server: with patience where it says "not now" or can't be reached, with its own words where it
 * says no.
 */
import { type Problem, problemMediaType } from "@carillon/protocol/problems";

/** The server answered no. */
export class RefusedError extends Error {
  readonly problem: Problem | null;
  constructor(message: string, problem: Problem | null) {
    super(message);
    this.problem = problem;
  }
}

/** The server can't be reached, or said "not now" for as long as was waited. */
export class UnreachableError extends Error {}

export interface Ask {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: string;
  readonly credential: string | null;
  readonly body?: unknown;
  /** With `text`, sent as it is. */
  readonly contentType?: string;
  readonly text?: string;
  /** How long it is tried again for; 0 once only. Safe for everything that carries its own id. */
  readonly patienceMs: number;
  readonly waiting?: (why: string, delayMs: number) => void;
}

const attemptTimeoutMs = 30_000;
const firstDelayMs = 100;
const longestDelayMs = 5_000;

/** The answer's JSON (null when it has no body). */
export async function ask(what: Ask): Promise<unknown> {
  const until = performance.now() + what.patienceMs;
  for (let attempt = 0; ; attempt++) {
    const answer = await once(what);
    if (answer.kind === "done") return answer.body;
    if (answer.kind === "refused") throw new RefusedError(inWords(answer), answer.problem);
    const backoffMs = Math.min(longestDelayMs, firstDelayMs * 2 ** attempt) * (0.5 + Math.random() / 2);
    const delayMs = Math.max(backoffMs, answer.retryMs);
    if (performance.now() + delayMs > until) throw new UnreachableError(answer.why);
    what.waiting?.(answer.why, delayMs);
    await new Promise((resolve) => setTimeout(resolve, delayMs));
  }
}

type Answer =
  | { readonly kind: "done"; readonly body: unknown }
  | { readonly kind: "refused"; readonly status: number; readonly problem: Problem | null }
  | { readonly kind: "not now"; readonly why: string; readonly retryMs: number };

async function once({ method, url, credential, body, contentType, text }: Ask): Promise<Answer> {
  const headers: Record<string, string> = { accept: "application/json" };
  if (credential !== null) headers["authorization"] = `Bearer ${credential}`;
  const payload = text ?? (body === undefined ? undefined : JSON.stringify(body));
  if (payload !== undefined) headers["content-type"] = contentType ?? "application/json";
  let response: Response;
  let received: string;
  try {
    response = await fetch(url, {
      method,
      headers,
      ...(payload === undefined ? {} : { body: payload }),
      signal: AbortSignal.timeout(attemptTimeoutMs),
      redirect: "error",
    });
    received = await response.text();
  } catch (error) {
    return { kind: "not now", why: `${new URL(url).origin} can't be reached: ${causeOf(error)}`, retryMs: 0 };
  }
  if (response.ok) return { kind: "done", body: received === "" ? null : JSON.parse(received) };
  const problem = readProblem(response, received);
  if (response.status === 429 || response.status === 503) {
    const retryMs = problem?.retryMs ?? 1_000 * Number(response.headers.get("retry-after") ?? 0);
    const jitterMs = Math.random() * (problem?.jitterMs ?? 0);
    return {
      kind: "not now",
      why: inWords({ status: response.status, problem }),
      retryMs: (retryMs || 0) + jitterMs,
    };
  }
  return { kind: "refused", status: response.status, problem };
}

export function inWords({ status, problem }: { status: number; problem: Problem | null }): string {
  if (problem === null) return `the server answered ${status}`;
  const places = (problem.errors ?? []).map(
    ({ pointer, parameter, header, detail }) => `\n  ${pointer ?? parameter ?? header}: ${detail}`,
  );
  return `${problem.title} (${problem.code}): ${problem.detail}${places.join("")}`;
}

function readProblem(response: Response, text: string): Problem | null {
  if (!response.headers.get("content-type")?.startsWith(problemMediaType)) return null;
  try {
    return JSON.parse(text) as Problem;
  } catch {
    return null;
  }
}

/** Why a request got no answer. */
export function causeOf(error: unknown): string {
  const { name, message, cause } = error as Error & { cause?: Error & { code?: string } };
  if (name === "TimeoutError") return "no answer in time";
  return cause?.code === "ECONNREFUSED" ? "nothing listens there" : (cause?.message ?? message);
}
