/**
 * Problems as answers: every error of the request API is `application/problem+json` (RFC 9457).
 */
import type { ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { type Problem, type ProblemCode, problem, problemMediaType } from "@carillon/protocol/problems";
import type { FastifyError, FastifyInstance, FastifyReply } from "fastify";
import { Failure } from "../errors.ts";
import { failureProblem } from "../failure-problem.ts";

declare module "fastify" {
  interface FastifyInstance {
    /** Counts a refused request, or a refused item of a batch. */
    refused(code: ProblemCode): void;
  }
}

export const isProblem = (value: object | null): value is Problem =>
  value !== null && "status" in value && "code" in value;

/** Headers that a problem calls for, beside its content type. */
export function problemHeaders({ status, code, retryMs }: Problem): Record<string, string> {
  const headers: Record<string, string> = { "content-type": problemMediaType, "cache-control": "no-store" };
  if (retryMs !== undefined) headers["retry-after"] = String(Math.max(1, Math.ceil(retryMs / 1_000)));
  // RFC 6750, section 3: without credentials in the request there is no error to name.
  if (status === 401) {
    headers["www-authenticate"] = code === "unauthenticated" ? "Bearer" : 'Bearer error="invalid_token"';
  }
  return headers;
}

/** `more` are members beside those of the problem, such as receipts. */
export function sendProblem(
  reply: FastifyReply,
  what: Problem,
  more?: Record<string, unknown>,
): FastifyReply {
  reply.server.refused(what.code);
  // As bytes: to text the framework would add a charset, and JSON has none.
  const body = Buffer.from(JSON.stringify({ ...what, instance: reply.request.id, ...more }));
  return reply.code(what.status).headers(problemHeaders(what)).send(body);
}

const frameworkCodes: Record<string, readonly [ProblemCode, string]> = {
  FST_ERR_BAD_URL: ["parameter-invalid", "the path is not properly percent-encoded"],
  FST_ERR_MAX_PARAM_LENGTH: ["url-too-long", "a part of the path is too long"],
  FST_ERR_CTP_BODY_TOO_LARGE: ["body-too-large", "the body is larger than this resource takes"],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ["media-type-unsupported", "this resource takes no such Content-Type"],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ["body-invalid", "the body is not as long as Content-Length says"],
  FST_ERR_ROUTE_MISSING_CONTENT_TYPE: ["media-type-unsupported", "a body needs a Content-Type"],
};

/** What was thrown, as a problem. `internal` means: log it. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Failure) return failureProblem(error);
  const known = frameworkCodes[(error as Partial<FastifyError>)?.code ?? ""];
  if (known !== undefined) return problem(...known);
  if (isAborted(error)) return problem("body-invalid", "the body did not arrive whole");
  return problem("internal", "the request could not be answered; the server's log has more");
}

const isAborted = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === "ECONNRESET";

/** For requests that didn't become one: answered on the bare socket, which is then closed. */
export function refuseSocket(
  error: Error & { code?: string },
  socket: Duplex,
  refused: FastifyInstance["refused"],
): void {
  if (error.code === "ECONNRESET" || !socket.writable || hasAnswered(socket)) {
    socket.destroy();
    return;
  }
  const what = socketProblem(error.code);
  refused(what.code);
  const body = JSON.stringify(what);
  const headers = { ...problemHeaders(what), "content-length": String(body.length), connection: "close" };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${what.status} ${what.title}\r\n${lines.join("")}\r\n${body}`);
}

function socketProblem(code: string | undefined): Problem {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return problem("headers-too-large", "the request line and headers are larger than the server takes");
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return problem("request-timeout", "the request did not arrive whole in time");
    default:
      return problem("parameter-invalid", "this is not HTTP/1.1");
  }
}

/** An answer is on its way already: a second one in the middle of it would be taken for its body. */
function hasAnswered(socket: Duplex): boolean {
  const { _httpMessage: message } = socket as Duplex & { _httpMessage?: ServerResponse | null };
  return message?.headersSent === true;
}
