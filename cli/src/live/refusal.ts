/** What an HTTP answer that is no stream of frames means for a client. Pure. */
import type { Problem } from "@carillon/protocol/problems";
import { again, type Ended, never } from "./transport.ts";

export function endedBy(status: number, body: string): Ended {
  const problem = readProblem(body);
  const why = problem === null ? `the server answered ${status}` : `${problem.title}: ${problem.detail}`;
  if (status === 401) return { verdict: "token", why, retryMs: 0 };
  if (status !== 429 && status < 500) return never(why);
  return again(why, (problem?.retryMs ?? 0) + Math.random() * (problem?.jitterMs ?? 0));
}

function readProblem(body: string): Problem | null {
  try {
    return JSON.parse(body) as Problem;
  } catch {
    return null;
  }
}
