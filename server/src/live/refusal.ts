/** One verdict in three tongues: a problem for requests, a close code for WebSockets, an error frame for SSE. */
import { type CloseReason, closeCodes } from "@carillon/protocol/close-codes";
import { type Problem, type ProblemCode, problem, problems } from "@carillon/protocol/problems";
import { toProblem } from "../http/problem-reply.ts";
import { TooManySessions } from "./sessions.ts";

const retryMs = 1_000;

/** Why a session could not be opened. */
export const openingProblem = (error: unknown): Problem =>
  error instanceof TooManySessions ? problem("too-many-sessions", error.message) : toProblem(error);

const isReason = (code: string): code is CloseReason => Object.hasOwn(closeCodes, code);
const isProblemCode = (code: string): code is ProblemCode => Object.hasOwn(problems, code);

export function reasonOf({ code, status }: Problem): CloseReason {
  if (isReason(code)) return code;
  if (code === "rate-limited") return "overloaded";
  return status < 500 ? "token-invalid" : "unavailable";
}

/** Codes below 3500 say: come back. */
export const comesBack = (reason: CloseReason): boolean => closeCodes[reason].code < 3500;

export function problemOf(reason: CloseReason, detail: string): Problem {
  const code = reason === "user-erased" ? "token-revoked" : isProblemCode(reason) ? reason : "unavailable";
  return problem(code, detail, comesBack(reason) ? { retryMs, jitterMs: retryMs } : {});
}
