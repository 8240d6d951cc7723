import { StateAnswer } from "@carillon/protocol/answers";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import Type, { type Static } from "typebox";
import type { States } from "../receiver/states.ts";
import type { KeptState } from "../store/people.ts";
import type { StateChange } from "../store/state.ts";
import { etagOf, readIfMatch } from "./if-match.ts";
import { OfUser, storageProblems } from "./parameters.ts";
import { isProblem, sendProblem } from "./problem-reply.ts";
import { takeJson } from "./take-json.ts";

const mergePatch = "application/merge-patch+json";

const State = Type.Record(Type.String(), Type.Unknown(), {
  description:
    "At most 16 KB as JSON, nested 32 deep; no member is named `__proto__`, `constructor` or `prototype`",
});

type Route = { Params: Static<typeof OfUser>; Body: Static<typeof State> };

const headers = { "If-Match": Type.String({ description: "The ETag of the state that it is made from" }) };
const tag = "Users";
const answers = { 200: ["The state, with its version in `ETag`", StateAnswer] } as const;
const changing = [
  "user-invalid",
  "body-invalid",
  "state-too-large",
  "precondition-failed",
  "media-type-unsupported",
  ...storageProblems,
] as const;

/** The state is JSON already, and goes as it is. */
const answer = (reply: FastifyReply, { version, state }: KeptState): FastifyReply =>
  reply
    .header("etag", etagOf(version))
    .header("cache-control", "no-store")
    .header("content-type", "application/json")
    .send(`{"version":${version},"state":${state}}`);

export function states(app: FastifyInstance, service: States): void {
  async function change(
    { params, headers: given }: FastifyRequest<Route>,
    reply: FastifyReply,
    wanted: StateChange,
  ): Promise<FastifyReply> {
    const isMeant = readIfMatch(given["if-match"]);
    if (typeof isMeant !== "function") return sendProblem(reply, isMeant);
    const done = await service.change(params.user, wanted, isMeant);
    return isProblem(done) ? sendProblem(reply, done) : answer(reply, done);
  }

  app.route<Route>({
    method: "GET",
    url: "/v1/users/:user/state",
    schema: { params: OfUser },
    config: {
      access: "users",
      documented: {
        id: "getState",
        tag,
        summary: "What is kept about a user",
        description: "Version 0 and empty where nothing was ever kept.",
        answers,
        problems: ["user-invalid"],
      },
    },
    handler: async ({ params }, reply) => answer(reply, await service.read(params.user)),
  });

  app.route<Route>({
    method: "PUT",
    url: "/v1/users/:user/state",
    schema: { params: OfUser, body: State },
    config: {
      access: "users",
      documented: {
        id: "putState",
        tag,
        summary: "Replace what is kept about a user",
        description: "All of the user's sessions are told. What is the same already stays as it is.",
        headers,
        answers,
        problems: changing,
      },
    },
    handler: (request, reply) => change(request, reply, { put: request.body }),
  });

  app.register(async (scope) => {
    takeJson(scope, mergePatch);
    scope.route<Route>({
      method: "PATCH",
      url: "/v1/users/:user/state",
      schema: { params: OfUser, body: State },
      config: {
        access: "users",
        documented: {
          id: "patchState",
          tag,
          summary: "Change what is kept about a user, as a JSON merge patch (RFC 7396)",
          description:
            "Members with a value are put, in objects member by member; those with null are removed. All of the user's sessions are told.",
          headers,
          bodies: { [mergePatch]: State, "application/json": State },
          answers,
          problems: changing,
        },
      },
      handler: (request, reply) => change(request, reply, { patch: request.body }),
    });
  });
}
