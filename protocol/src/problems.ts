/**
 * Problem types (RFC 9457): everything that can go wrong with a request, or with one item of a batch.
 *
 * `type` is `urn:carillon:problem:<code>`. A URN, because an https address would promise a page on a domain that
 * an installation doesn't own, and a relative reference would name something else on every host (RFC 9457,
 * section 3.1.1, advises against those). `code` repeats its end, so that clients switch on a plain word. Codes
 * are a closed set and never change their meaning; titles and details are for people and may change.
 * The same words are used by `error` and `reply` frames, and by close codes of the same name.
 */

export const problems = {
  "body-invalid": {
    status: 400,
    title: "The body is not valid",
    doc: "Not JSON, or not of the shape asked for; `errors` names each place.",
  },
  "parameter-invalid": {
    status: 400,
    title: "A parameter is not valid",
    doc: "Something in the path, the query or a header; `errors` names each.",
  },
  "recipients-too-many": {
    status: 400,
    title: "Too many recipients",
    doc: "More than 100 streams in `to`; use a topic.",
  },
  "cursor-invalid": {
    status: 400,
    title: "The cursor is not valid",
    doc: "Damaged, cut, or of an unknown version. Start without one.",
  },
  "before-invalid": {
    status: 400,
    title: "The place of the page is not valid",
    doc: "`before` is damaged, cut, of an unknown version, or from before the store was restored. Start without it.",
  },
  "user-invalid": {
    status: 400,
    title: "Not a user id",
    doc: "A user id is 1 to 128 letters, digits and `._~@+:=-`, and doesn't begin with `user:` or `topic:`.",
  },
  "topic-invalid": {
    status: 400,
    title: "Not a topic name",
    doc: "A topic's name is 1 to 128 letters, digits and `._~@+:=-`, and doesn't begin with `user:` or `topic:`.",
  },
  "idempotency-key-invalid": {
    status: 400,
    title: "The Idempotency-Key is not valid",
    doc: "1 to 200 visible characters.",
  },
  "subprotocol-unsupported": {
    status: 400,
    title: "No subprotocol in common",
    doc: "The WebSocket offered subprotocols, none of them `carillon.v1`.",
  },
  unauthenticated: {
    status: 401,
    title: "Credentials are missing",
    doc: "No API key or token was given, or not in a form that is known.",
  },
  "key-invalid": { status: 401, title: "The API key is not valid", doc: "Unknown, withdrawn or expired." },
  "token-invalid": {
    status: 401,
    title: "The token is not valid",
    doc: "Its signature, algorithm, issuer, audience or claims don't hold here.",
  },
  "token-expired": { status: 401, title: "The token has expired", doc: "Come back with a fresh one." },
  "token-revoked": {
    status: 401,
    title: "The token was revoked",
    doc: "By its id, or with all of its user's or of everybody's issued before a time. Come back with a new one, if the user may have one.",
  },
  "ticket-invalid": {
    status: 401,
    title: "The ticket is not valid",
    doc: "Unknown, used before, or older than 60 seconds. Get another.",
  },
  forbidden: {
    status: 403,
    title: "Not allowed",
    doc: "The credentials are good, but they don't reach this far: a scope or a grant is missing.",
  },
  "source-forbidden": {
    status: 403,
    title: "Not a source of this sender",
    doc: "An API key is bound to its sources, a user to `/users/{user}`, which nobody else may send as.",
  },
  "origin-forbidden": {
    status: 403,
    title: "This origin is not allowed",
    doc: "The `Origin` is not among those that the server allows.",
  },
  "route-not-found": { status: 404, title: "No such resource", doc: "Nothing is served under this path." },
  "topic-not-found": {
    status: 404,
    title: "No such topic",
    doc: "It was never made, or was deleted. `PUT /v1/topics/{topic}` makes it.",
  },
  "key-not-found": { status: 404, title: "No such API key", doc: "None has this name; it may be withdrawn." },
  "revocation-not-found": {
    status: 404,
    title: "No such revocation",
    doc: "It was never made, was withdrawn, or has run out with the last token that it is about.",
  },
  "notification-not-found": {
    status: 404,
    title: "No such notification",
    doc: "Unknown in that stream, or no longer kept.",
  },
  "subscriber-not-found": {
    status: 404,
    title: "Not a subscriber",
    doc: "The user doesn't follow that topic.",
  },
  "grant-not-found": {
    status: 404,
    title: "No such grant",
    doc: "The user may not publish to that topic by a grant.",
  },
  "method-not-allowed": { status: 405, title: "Method not allowed", doc: "`Allow` says which methods are." },
  "not-acceptable": {
    status: 406,
    title: "Not acceptable",
    doc: "None of the media types in `Accept` is offered.",
  },
  "request-timeout": {
    status: 408,
    title: "The request took too long to arrive",
    doc: "Its headers or body weren't complete in time.",
  },
  conflict: {
    status: 409,
    title: "The same id with other content",
    doc: "(stream, source, id) names a notification already, and this one differs from it. What is stored was not changed; `receipts` say which recipients have it. Use another id.",
  },
  "subscriptions-too-many": {
    status: 409,
    title: "The user follows as many topics as is allowed",
    doc: "256 at most. Nothing was changed for this user.",
  },
  "topic-inactive": {
    status: 409,
    title: "The topic takes nothing now",
    doc: "It was made inactive; who follows it still does. What was published before stays.",
  },
  "topic-taken": {
    status: 409,
    title: "The name of the topic is taken",
    doc: "Somebody else has it. Nothing was changed.",
  },
  "topics-too-many": {
    status: 409,
    title: "The user has as many topics as is allowed",
    doc: "100 unless the server is configured otherwise; delete one. Nothing was changed.",
  },
  "grants-too-many": {
    status: 409,
    title: "The topic has as many grants as is allowed",
    doc: "1,000 at most; take one back, or let all subscribers publish. Nothing was changed.",
  },
  "key-taken": {
    status: 409,
    title: "The name of the API key is taken",
    doc: "Another key has it, an expired one too until it is withdrawn. Nothing was changed.",
  },
  "key-in-use": {
    status: 409,
    title: "The API key of this very request",
    doc: "A key can't withdraw itself, so that nobody locks themselves out; use another. Nothing was changed.",
  },
  "keys-too-many": {
    status: 409,
    title: "There are as many API keys as is allowed",
    doc: "1,000 at most; withdraw one. Nothing was changed.",
  },
  "revocations-too-many": {
    status: 409,
    title: "There are as many revocations as is allowed",
    doc: "1,000 of a user, 100,000 in all. Revoke all of the user's tokens, or everybody's, by when they were issued. Nothing was changed.",
  },
  "not-followed": {
    status: 409,
    title: "Not a stream that is followed",
    doc: "An acknowledgement or a mark for a stream that the user or the session doesn't follow. Nothing was changed.",
  },
  "not-sent": {
    status: 409,
    title: "Not sent yet",
    doc: "An acknowledgement beyond what this client was sent. Nothing was changed.",
  },
  "marks-too-many": {
    status: 409,
    title: "Too many single marks",
    doc: "A stream would have more than 256 single ones apart from what is marked up to a place. Nothing was changed; mark up to a place (`upTo`) instead.",
  },
  "precondition-failed": {
    status: 412,
    title: "It is another by now",
    doc: "What `If-Match` names isn't what there is: somebody else has changed it. Nothing was changed; read it again.",
  },
  "body-too-large": {
    status: 413,
    title: "The body is too large",
    doc: "Larger than the server takes in one request.",
  },
  "notification-too-large": {
    status: 413,
    title: "The notification is too large",
    doc: "Over 64 KB as a CloudEvent in JSON. Send a reference to what is large.",
  },
  "state-too-large": {
    status: 413,
    title: "The state is too large",
    doc: "Over 16 KB as JSON, what it was before included. Nothing was changed.",
  },
  "batch-too-large": { status: 413, title: "Too many notifications in one request", doc: "Split the batch." },
  "url-too-long": {
    status: 414,
    title: "The URL is too long",
    doc: "Cursors of very many streams go into a header: `Last-Event-ID`.",
  },
  "media-type-unsupported": {
    status: 415,
    title: "Unsupported media type",
    doc: "The `Content-Type` or `Content-Encoding` is not one that this resource takes.",
  },
  "upgrade-required": {
    status: 426,
    title: "This is a WebSocket",
    doc: "The request asked for no upgrade to WebSocket.",
  },
  "rate-limited": {
    status: 429,
    title: "Too many requests",
    doc: "More than this caller may send in a while. Come back after `Retry-After`.",
  },
  "too-many-sessions": {
    status: 429,
    title: "Too many sessions",
    doc: "The user has as many open sessions as are allowed.",
  },
  "headers-too-large": {
    status: 431,
    title: "The headers are too large",
    doc: "Together larger than the server takes.",
  },
  internal: {
    status: 500,
    title: "A bug in the server",
    doc: "Not the request's fault. The server's log has more.",
  },
  unavailable: {
    status: 503,
    title: "Not available now",
    doc: "A part of the server is away; whether anything was done is unknown. Sending the same again, with the same id, is safe.",
  },
  overloaded: {
    status: 503,
    title: "Too much to do",
    doc: "The server refuses what it can't do in time. Nothing was done. Come back after `Retry-After`.",
  },
  draining: {
    status: 503,
    title: "Shutting down",
    doc: "Nothing was done. Go elsewhere, or come back after `Retry-After`.",
  },
  "storage-full": {
    status: 503,
    title: "The storage is full",
    doc: "Nothing was written; reading goes on. Sending the same again later is safe.",
  },
  "storage-read-only": {
    status: 503,
    title: "The storage can't be written to",
    doc: "Nothing was written; reading goes on. Sending the same again later is safe.",
  },
} as const satisfies Record<string, ProblemKind>;

interface ProblemKind {
  readonly status: number;
  readonly title: string;
  readonly doc: string;
}

export type ProblemCode = keyof typeof problems;

/** One place that is wrong. Exactly one of `pointer`, `parameter` and `header` says where. */
export interface FieldError {
  /** Into the body: a JSON pointer (RFC 6901), "" for the whole. */
  readonly pointer?: string;
  /** A name in the path or the query. */
  readonly parameter?: string;
  readonly header?: string;
  readonly detail: string;
}

export interface ProblemExtras {
  readonly errors?: readonly FieldError[];
  /** Try again after this time and a random part of `jitterMs`; the `Retry-After` header says it in whole seconds. */
  readonly retryMs?: number;
  readonly jitterMs?: number;
  /** The request's id, as the server's log has it. */
  readonly instance?: string;
}

/** `application/problem+json`. */
export interface Problem extends ProblemExtras {
  readonly type: `urn:carillon:problem:${ProblemCode}`;
  readonly code: ProblemCode;
  readonly status: number;
  readonly title: string;
  readonly detail: string;
}

export const problemMediaType = "application/problem+json";

/** `detail` is about this very occurrence, for people; it never holds a credential or a payload. */
export const problem = (code: ProblemCode, detail: string, extras?: ProblemExtras): Problem => ({
  type: `urn:carillon:problem:${code}`,
  code,
  status: problems[code].status,
  title: problems[code].title,
  detail,
  ...extras,
});

/** Adds a step to a JSON pointer (RFC 6901): `~` and `/` are escaped. */
export const pointerTo = (parent: string, step: string | number): string =>
  `${parent}/${String(step).replaceAll("~", "~0").replaceAll("/", "~1")}`;
