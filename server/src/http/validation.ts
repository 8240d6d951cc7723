/**
 * Routes' schemas (`params`, `querystring`, `body`), compiled once, and what is wrong with a request as a problem
 * that names each place.
 */
import { limits } from "@carillon/protocol/limits";
import { nearest } from "@carillon/protocol/nearest";
import {
  type FieldError,
  type Problem,
  type ProblemCode,
  pointerTo,
  problem,
} from "@carillon/protocol/problems";
import { isStreamName, namePattern, ownerOf } from "@carillon/protocol/stream";
import { durationPattern, timestampPattern } from "@carillon/protocol/timestamp";
import type { FastifyInstance } from "fastify";
import type { TSchema } from "typebox";
import { Compile } from "typebox/compile";
import Value from "typebox/value";

/** What a handler throws, and validation answers with, where a request can't be served as it is. */
export type ProblemError = Error & { readonly problem: Problem };

export const problemError = (what: Problem): ProblemError =>
  Object.assign(new Error(what.code), { problem: what });

export const isProblemError = (error: unknown): error is ProblemError =>
  error instanceof Error && "problem" in error;

type Part = "params" | "querystring" | "body";
type SchemaError = ReturnType<ReturnType<typeof Compile>["Errors"]>[number];

export function validateWithSchemas(app: FastifyInstance): void {
  app.setValidatorCompiler<TSchema>(({ schema, httpPart }) => {
    const validator = Compile(schema);
    const properties = "properties" in schema ? (schema.properties as Record<string, TSchema>) : {};
    const part = httpPart as Part;
    return (given: unknown) => {
      const value = part === "querystring" ? withValues(given, properties) : given;
      if (validator.Check(value)) return { value };
      return {
        error: problemError(toProblem(part, value, validator.Errors(value), Object.keys(properties))),
      };
    };
  });
}

/** For a body that may be absent, which a route's own schema can't say: what is wrong with one that is there. */
export function bodyChecker(schema: TSchema): (body: unknown) => Problem | null {
  const validator = Compile(schema);
  const names = "properties" in schema ? Object.keys(schema.properties as object) : [];
  return (body) => (validator.Check(body) ? null : toProblem("body", body, validator.Errors(body), names));
}

/** A query is text; digits are an integer where one is asked for, `true` and `false` a boolean, and one is a list of one. */
function withValues(query: unknown, properties: Record<string, TSchema>): Record<string, unknown> {
  const read: Record<string, unknown> = { ...(query as Record<string, unknown>) };
  for (const [name, value] of Object.entries(read)) {
    const schema = Object.hasOwn(properties, name) ? properties[name] : undefined;
    const type = schema !== undefined && "type" in schema ? schema.type : undefined;
    if (typeof value !== "string") continue;
    if (type === "integer" && /^\d{1,15}$/.test(value)) read[name] = Number(value);
    if (type === "boolean" && /^(true|false)$/.test(value)) read[name] = value === "true";
    if (type === "array") read[name] = [value];
  }
  return read;
}

const ownCodes: Readonly<Record<string, ProblemCode>> = { topic: "topic-invalid", user: "user-invalid" };

function toProblem(
  part: Part,
  value: unknown,
  found: readonly SchemaError[],
  names: readonly string[],
): Problem {
  const errors = found.flatMap((error) => places(part, value, error, names)).slice(0, limits.errorsNamed);
  const [first] = errors;
  const detail = `${first?.parameter ?? first?.pointer ?? ""} ${first?.detail ?? "is not valid"}`.trim();
  if (part === "body") return problem("body-invalid", detail, { errors });
  const code = part === "params" ? ownCodes[first?.parameter ?? ""] : undefined;
  return problem(code ?? "parameter-invalid", detail, { errors });
}

function places(part: Part, value: unknown, error: SchemaError, names: readonly string[]): FieldError[] {
  const place = (pointer: string, detail: string): FieldError =>
    part === "body" ? { pointer, detail } : { parameter: pointer.split("/")[1] ?? "", detail };
  const { keyword, instancePath, params, message } = error;
  if (keyword === "boolean") return [];
  if (keyword === "required") {
    return params.requiredProperties.map((name) => place(pointerTo(instancePath, name), "is missing"));
  }
  if (keyword === "additionalProperties") {
    return params.additionalProperties.map((name) => {
      const meant = nearest(name, names);
      return place(
        pointerTo(instancePath, name),
        meant === null ? "is not known" : `is not known; did you mean ${meant}?`,
      );
    });
  }
  const bare = keyword === "pattern" && params.pattern === namePattern ? bareName(value, instancePath) : null;
  if (bare !== null) return [place(instancePath, `must be a bare id or name; did you mean ${bare}?`)];
  if (keyword === "enum") {
    return [place(instancePath, `must be one of ${params.allowedValues.join(", ")}`)];
  }
  if (keyword === "pattern" && params.pattern === durationPattern) {
    return [place(instancePath, "must be a duration such as 30s, 10m, 24h or 7d")];
  }
  if (keyword === "pattern" && params.pattern === timestampPattern) {
    return [place(instancePath, "must be a time such as 2026-01-31T09:00:00Z")];
  }
  return [place(instancePath, message)];
}

/** `42` where `user:42` was given for an id. */
function bareName(value: unknown, pointer: string): string | null {
  const given = Value.Pointer.Get(value, pointer);
  return typeof given === "string" && isStreamName(given) ? ownerOf(given) : null;
}
