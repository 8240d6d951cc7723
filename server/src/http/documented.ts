/**
 * What the OpenAPI document says of a route, beside the schemas that it validates with. Kept with the route, so
 * that one can't change without the other in sight.
 */
import type { ProblemCode } from "@carillon/protocol/problems";
import type { TSchema } from "typebox";

export interface Documented {
  /** Unique; what a generated client calls the operation. */
  readonly id: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  /** Bodies that the handler reads for itself, by media type. */
  readonly bodies?: Readonly<Record<string, TSchema>>;
  readonly bodyOptional?: boolean;
  /** Parameters that the handler reads for itself. */
  readonly query?: Readonly<Record<string, TSchema>>;
  readonly headers?: Readonly<Record<string, TSchema>>;
  /** By status; null for an answer without a body. JSON, unless `mediaType` says otherwise. */
  readonly answers: Readonly<Record<number, readonly [description: string, schema: TSchema | null]>>;
  readonly mediaType?: string;
  /** Beside those that every route of its kind may answer with. */
  readonly problems: readonly ProblemCode[];
}

declare module "fastify" {
  interface FastifyContextConfig {
    /** Absent on routes that the document leaves out. */
    documented?: Documented;
  }
}
