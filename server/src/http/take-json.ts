import { problem } from "@carillon/protocol/problems";
import type { FastifyInstance } from "fastify";
import { parseJson } from "./json.ts";
import { problemError } from "./validation.ts";

/** Bodies of this media type are JSON. */
export function takeJson(app: FastifyInstance, mediaType: string): void {
  app.addContentTypeParser(mediaType, { parseAs: "buffer" }, (_request, body, done) => {
    const parsed = body.length === 0 ? { ok: true as const, value: undefined } : parseJson(body as Buffer);
    if (parsed.ok) return done(null, parsed.value);
    const errors = [{ pointer: "", detail: `is ${parsed.detail}` }];
    done(problemError(problem("body-invalid", `the body is ${parsed.detail}`, { errors })));
  });
}
