/** The OpenAPI document, made of the routes as they are served: their schemas are those that validate. */
import {
  AcceptedAnswer,
  BatchAnswer,
  ErasingAnswer,
  GrantAnswer,
  GrantsAnswer,
  InboxAnswer,
  InboxItemAnswer,
  KeyAnswer,
  KeysAnswer,
  MarkedAnswer,
  NewKeyAnswer,
  PollAnswer,
  PresenceAnswer,
  RevocationAnswer,
  RevocationsAnswer,
  StateAnswer,
  StatusAnswer,
  SubscribedAnswer,
  SubscribersAnswer,
  SubscriptionAnswer,
  SubscriptionsAnswer,
  TicketAnswer,
  TokenAnswer,
  TopicAnswer,
  TopicsAnswer,
  UnreadAnswer,
  UserAnswer,
} from "@carillon/protocol/answers";
import { NotificationBody } from "@carillon/protocol/notification";
import { type ProblemCode, problemMediaType, problems } from "@carillon/protocol/problems";
import { ProblemAnswer } from "@carillon/protocol/receipt";
import type { RouteOptions } from "fastify";
import type { TSchema } from "typebox";
import type { Access } from "./authorize.ts";
import type { Documented } from "./documented.ts";

const named: Readonly<Record<string, TSchema>> = {
  Notification: NotificationBody,
  Problem: ProblemAnswer,
  Accepted: AcceptedAnswer,
  Batch: BatchAnswer,
  Status: StatusAnswer,
  Topic: TopicAnswer,
  Topics: TopicsAnswer,
  Subscribers: SubscribersAnswer,
  Subscribed: SubscribedAnswer,
  Grant: GrantAnswer,
  Grants: GrantsAnswer,
  Subscription: SubscriptionAnswer,
  Subscriptions: SubscriptionsAnswer,
  Token: TokenAnswer,
  Ticket: TicketAnswer,
  Revocation: RevocationAnswer,
  Revocations: RevocationsAnswer,
  Key: KeyAnswer,
  NewKey: NewKeyAnswer,
  Keys: KeysAnswer,
  Poll: PollAnswer,
  Marked: MarkedAnswer,
  Unread: UnreadAnswer,
  InboxItem: InboxItemAnswer,
  Inbox: InboxAnswer,
  State: StateAnswer,
  User: UserAnswer,
  Erasing: ErasingAnswer,
  Presence: PresenceAnswer,
};

const names = new Map(Object.entries(named).map(([name, schema]) => [JSON.stringify(schema), name]));

/** Schemas that have a name are referred to by it; `but` keeps a schema from referring to itself. */
function refer(schema: unknown, but = ""): unknown {
  if (typeof schema !== "object" || schema === null) return schema;
  if (Array.isArray(schema)) return schema.map((item) => refer(item));
  const name = names.get(JSON.stringify(schema));
  if (name !== undefined && name !== but) return { $ref: `#/components/schemas/${name}` };
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, refer(value)]));
}

const always: readonly ProblemCode[] = [
  "parameter-invalid",
  "request-timeout",
  "url-too-long",
  "headers-too-large",
  "media-type-unsupported",
  "internal",
  "unavailable",
  "overloaded",
  "draining",
];
const withKey: readonly ProblemCode[] = ["unauthenticated", "key-invalid", "forbidden", "rate-limited"];
const withToken: readonly ProblemCode[] = [
  "unauthenticated",
  "token-invalid",
  "token-expired",
  "token-revoked",
  "origin-forbidden",
  "rate-limited",
];
const withBody: readonly ProblemCode[] = ["body-invalid", "body-too-large"];

const kindsOf = (access: Access | undefined) => ({
  key: access !== "client" && access !== "anybody",
  token: access === "client" || access === "topics or client",
});

/** Every problem that a route may answer with, in the order of the table. */
function problemsOf(access: Access | undefined, documented: Documented, hasBody: boolean): ProblemCode[] {
  const { key, token } = kindsOf(access);
  const all = [
    ...documented.problems,
    ...(hasBody ? withBody : []),
    ...(key ? withKey : []),
    ...(token ? withToken : []),
    ...always,
  ];
  return (Object.keys(problems) as ProblemCode[]).filter((code) => all.includes(code));
}

function openapi(routes: readonly RouteOptions[], version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  const responses: Record<string, object> = {};
  for (const { url, method, schema = {}, config } of routes) {
    const { documented, access } = config ?? {};
    if (documented === undefined) continue;
    const path = url.replaceAll(/:(\w+)/g, "{$1}");
    paths[path] ??= {};
    const { content, codes } = operation(access, documented, schema as Schemas);
    paths[path][String(method).toLowerCase()] = content;
    for (const some of Map.groupBy(codes, (code) => problems[code].status).values()) {
      responses[nameOf(some)] = refusal(some);
    }
  }
  return {
    openapi: "3.1.1",
    info: {
      title: "Carillon",
      version,
      description:
        "What producers and clients ask over HTTP. spec.md is the normative text; live connections are in asyncapi.json. Paths and methods that aren't here are answered with the problems `route-not-found` and `method-not-allowed`.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "http://127.0.0.1:7700" }],
    tags: [
      "Notifications",
      "Topics",
      "Subscribers",
      "Grants",
      "Subscriptions",
      "Users",
      "Revocations",
      "Clients",
      "Keys",
    ].map((name) => ({ name })),
    paths,
    components: {
      schemas: Object.fromEntries(Object.entries(named).map(([name, schema]) => [name, refer(schema, name)])),
      responses,
      securitySchemes: {
        key: { type: "http", scheme: "bearer", description: "A producer's API key: `ck_` and 43 characters" },
        token: { type: "http", scheme: "bearer", bearerFormat: "JWT", description: "A user's token" },
      },
    },
  };
}

/** As the file has it. */
export const openapiText = (routes: readonly RouteOptions[], version: string): string =>
  `${JSON.stringify(openapi(routes, version), null, 2)}\n`;

interface Schemas {
  readonly params?: TSchema;
  readonly querystring?: TSchema;
  readonly body?: TSchema;
}

interface ObjectSchema {
  readonly properties: Readonly<Record<string, TSchema>>;
  readonly required?: readonly string[];
}

function operation(access: Access | undefined, documented: Documented, schemas: Schemas) {
  const { id, tag, summary, description, bodies, bodyOptional = false } = documented;
  const body = bodies ?? (schemas.body === undefined ? undefined : { "application/json": schemas.body });
  const parameters = [
    ...parametersIn("path", schemas.params),
    ...parametersIn("query", schemas.querystring),
    ...Object.entries(documented.query ?? {}).map(([name, schema]) =>
      parameter("query", name, schema, false),
    ),
    ...Object.entries(documented.headers ?? {}).map(([name, schema]) =>
      parameter("header", name, schema, false),
    ),
  ];
  const codes = problemsOf(access, documented, body !== undefined);
  const content = {
    operationId: id,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    ...(access === "anybody" ? {} : { security: securityOf(access) }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: !bodyOptional,
            content: Object.fromEntries(
              Object.entries(body).map(([mediaType, schema]) => [mediaType, { schema: refer(schema) }]),
            ),
          },
        }),
    responses: { ...answersOf(documented), ...refusalsOf(codes) },
  };
  return { content, codes };
}

function securityOf(access: Access | undefined): object[] {
  const { key, token } = kindsOf(access);
  return [...(key ? [{ key: [] }] : []), ...(token ? [{ token: [] }] : [])];
}

function parametersIn(place: "path" | "query", schema: TSchema | undefined): object[] {
  if (schema === undefined) return [];
  const { properties, required = [] } = schema as unknown as ObjectSchema;
  return Object.entries(properties).map(([name, one]) =>
    parameter(place, name, one, required.includes(name)),
  );
}

function parameter(place: string, name: string, schema: TSchema, required: boolean): object {
  const { description, ...rest } = schema as TSchema & { description?: string };
  return {
    name,
    in: place,
    required,
    ...(description === undefined ? {} : { description }),
    schema: refer(rest),
  };
}

const requestId = {
  "X-Request-Id": { description: "The request, as the server's log has it", schema: { type: "string" } },
};
const retryAfter = { "Retry-After": { description: "In seconds", schema: { type: "integer", minimum: 1 } } };

function answersOf({ answers, mediaType = "application/json" }: Documented): Record<string, object> {
  return Object.fromEntries(
    Object.entries(answers).map(([status, [description, schema]]) => [
      status,
      {
        description,
        headers: requestId,
        ...(schema === null ? {} : { content: { [mediaType]: { schema: refer(schema) } } }),
      },
    ]),
  );
}

const nameOf = (codes: readonly ProblemCode[]): string => codes.join(".");

/** A route's problems of one status, by a name that is the same wherever they are. */
const refusalsOf = (codes: readonly ProblemCode[]): Record<string, object> =>
  Object.fromEntries(
    [...Map.groupBy(codes, (code) => problems[code].status)].map(([status, some]) => [
      status,
      { $ref: `#/components/responses/${nameOf(some)}` },
    ]),
  );

function refusal(codes: readonly ProblemCode[]): object {
  const { status } = problems[codes[0]!];
  return {
    description: codes.map((code) => `\`${code}\`: ${problems[code].doc}`).join("\n\n"),
    headers: status === 503 || status === 429 ? { ...requestId, ...retryAfter } : requestId,
    content: {
      [problemMediaType]: {
        schema: {
          allOf: [{ $ref: "#/components/schemas/Problem" }, { properties: { code: { enum: codes } } }],
        },
      },
    },
  };
}
