import { KeysAnswer, NewKeyAnswer } from "@carillon/protocol/answers";
import { problem } from "@carillon/protocol/problems";
import { type Scope, scopes } from "@carillon/protocol/scopes";
import { durationPattern, parseDuration } from "@carillon/protocol/timestamp";
import type { FastifyInstance } from "fastify";
import Type, { type Static } from "typebox";
import type { Keyring } from "../access/keyring.ts";
import type { ApiKey } from "../store/access.ts";
import { producerOf } from "./authorize.ts";
import { sendProblem } from "./problem-reply.ts";

const Name = Type.String({
  pattern: "^[A-Za-z0-9._~@+:=-]{1,64}$",
  description: "A key's name: 1 to 64 letters, digits and `._~@+:=-`",
});
const Params = Type.Object({ name: Name }, { additionalProperties: false });
const Wanted = Type.Object(
  {
    name: Name,
    scopes: Type.Array(Type.Unsafe<Scope>(Type.Enum([...scopes])), {
      minItems: 1,
      maxItems: scopes.length,
      uniqueItems: true,
    }),
    sources: Type.Array(Type.String({ pattern: "^[^\\u0000-\\u001f\\u007f-\\u009f]{1,256}$" }), {
      minItems: 1,
      maxItems: 64,
      description: "What it may send as: exact, or a prefix that ends in `*`; `*` alone is any",
    }),
    ttl: Type.Optional(
      Type.String({ pattern: durationPattern, description: "How long it is good; for ever when absent" }),
    ),
  },
  { additionalProperties: false },
);

const toAnswer = ({ name, scopes: granted, sources, createdAt, expiresAt }: ApiKey) => ({
  name,
  scopes: granted,
  sources,
  created: new Date(createdAt).toISOString(),
  ...(expiresAt === null ? {} : { expires: new Date(expiresAt).toISOString() }),
});

export function keys(app: FastifyInstance, keyring: Keyring): void {
  app.route<{ Body: Static<typeof Wanted> }>({
    method: "POST",
    url: "/v1/keys",
    schema: { body: Wanted },
    config: {
      access: "admin",
      documented: {
        id: "createKey",
        tag: "Keys",
        summary: "Make an API key",
        description: "Of any scopes and sources, also those that the key of the request lacks.",
        answers: { 201: ["The key, and its secret this once", NewKeyAnswer] },
        problems: ["key-taken", "keys-too-many", "storage-full", "storage-read-only"],
      },
    },
    async handler({ body: { ttl, ...wanted } }, reply) {
      const ttlMs = ttl === undefined ? null : parseDuration(ttl);
      const created = await keyring.create({ ...wanted, ttlMs });
      if (created === "key-taken")
        return sendProblem(reply, problem(created, `there is an API key ${wanted.name} already`));
      if (created === "keys-too-many")
        return sendProblem(reply, problem(created, "withdraw a key before another is made"));
      reply.header("cache-control", "no-store");
      return reply.code(201).send({ ...toAnswer(created.record), secret: created.secret });
    },
  });

  app.route({
    method: "GET",
    url: "/v1/keys",
    config: {
      access: "admin",
      documented: {
        id: "listKeys",
        tag: "Keys",
        summary: "All API keys, without their secrets",
        answers: { 200: ["The keys", KeysAnswer] },
        problems: [],
      },
    },
    handler: async () => ({ keys: (await keyring.list()).map(toAnswer) }),
  });

  app.route<{ Params: Static<typeof Params> }>({
    method: "DELETE",
    url: "/v1/keys/:name",
    schema: { params: Params },
    config: {
      access: "admin",
      documented: {
        id: "removeKey",
        tag: "Keys",
        summary: "Withdraw an API key",
        answers: { 204: ["It opens nothing any more", null] },
        problems: ["key-not-found", "key-in-use", "storage-full", "storage-read-only"],
      },
    },
    async handler(request, reply) {
      const { name } = request.params;
      if (name === producerOf(request).key.name)
        return sendProblem(reply, problem("key-in-use", `${name} is the key that this request came with`));
      if (await keyring.remove(name)) return reply.code(204).send();
      return sendProblem(reply, problem("key-not-found", `there is no API key ${name}`));
    },
  });
}
