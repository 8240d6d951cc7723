import { AuthenticationError, UserError } from "@platformatic/kafka";
import { Failure } from "../../errors.ts";

/** What the client's errors hold when a broker answered, if only with errors. */
export const answerIn = (error: unknown): unknown =>
  typeof error === "object" && error !== null && "response" in error ? error.response : undefined;

const reasonOf = (error: unknown): string => {
  if (error instanceof AggregateError && error.errors.length > 0) {
    return [...new Set(error.errors.map(reasonOf))].join(", ");
  }
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error && error.message !== ""
    ? `${error.message} (${reasonOf(cause)})`
    : error.message;
};

const retryAfterMs = 1_000;

/** Of a connection that can't be had. Credentials that are refused, or TLS that is missing, only a person mends. */
export function unreachable(what: string, error: unknown): Failure {
  const refused = error instanceof Error && error.cause instanceof AuthenticationError;
  if (!refused && !(error instanceof UserError)) return unavailable(what, error);
  return new Failure("unusable", `${what}: ${reasonOf(error)}`, { cause: error });
}

/** A failure of Kafka, or of the way to it. */
export const unavailable = (what: string, error: unknown): Failure =>
  error instanceof Failure
    ? error
    : new Failure("unavailable", `${what}: ${reasonOf(error)}`, { cause: error, retryAfterMs });
