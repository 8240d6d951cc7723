/**
 * A notification as a producer sends it, in plain JSON. Other forms (CloudEvents in cloudevents.ts) are brought
 * into this one first, so that there is one set of rules: this schema, and what a schema can't say in
 * parse-notification.ts.
 *
 * - `to` names 1 to 100 streams; a single one may stand without its array. A name given twice counts once.
 * - `id` may be left out: the Idempotency-Key takes its place, else a UUIDv7 that the server makes.
 * - `topic` stays in the event: a client shows it as one of the topic's, though it is in the user's own stream.
 * - `source` may be left out where the API key has exactly one; the receiver decides, the schema can't know.
 * - `expires` is a timestamp, or how long from acceptance: `30s`, `10m`, `24h`, `7d`.
 * - `ephemeral` goes to live sessions only and is kept nowhere, so there is nothing that `receipt`,
 *   `collapseKey` or `expires` could hold on to: together with one of them it is refused. `silent` is allowed.
 * - `data` is any JSON; text (a string) where `datacontenttype` is no JSON type; bytes go into `data_base64`.
 * - Any other name of lowercase letters and digits is a CloudEvents extension attribute with a string, boolean
 *   or 32-bit integer. Any other name at all is refused, so that a misspelt option doesn't pass unnoticed.
 */
import Type from "typebox";
import { limits } from "./limits.ts";
import { namePattern, type StreamName, streamPattern } from "./stream.ts";
import { durationPattern, timestampPattern } from "./timestamp.ts";

/** Text without control characters and lone surrogates (CloudEvents 1.0, section "Type System": String). */
export const textPattern = (max: number): string =>
  `^[^\\u0000-\\u001f\\u007f-\\u009f\\ud800-\\udfff]{1,${max}}$`;

/** The characters of a URI-reference (RFC 3986); that it has no others is all that is checked. */
export const uriReferencePattern = "^([A-Za-z0-9._~:/?#\\[\\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2}){1,256}$";

const Stream = Type.Unsafe<StreamName>(
  Type.String({ pattern: streamPattern, description: "`user:<id>` or `topic:<name>`" }),
);

/** What has a meaning here; every other name is an extension attribute. */
export const properties = {
  to: Type.Union(
    [Stream, Type.Array(Stream, { minItems: 1, maxItems: limits.recipients, description: "Whom to tell" })],
    { description: `A stream, or 1 to ${limits.recipients} of them: \`user:<id>\` or \`topic:<name>\`` },
  ),
  topic: Type.Optional(
    Type.String({
      pattern: namePattern,
      description:
        "For some of those who follow this topic: `to` names users, who must, and their own streams have it",
    }),
  ),
  id: Type.Optional(
    Type.String({
      pattern: textPattern(256),
      description:
        "Names the notification in its source: 1 to 256 characters, none of them control characters",
    }),
  ),
  source: Type.Optional(
    Type.String({
      pattern: uriReferencePattern,
      maxLength: 256,
      description: "Where it comes from: a URI reference of 1 to 256 characters",
    }),
  ),
  type: Type.String({
    pattern: textPattern(256),
    description: "What kind it is, such as `order.shipped`: 1 to 256 characters",
  }),
  subject: Type.Optional(
    Type.String({ pattern: textPattern(256), description: "What it is about: 1 to 256 characters" }),
  ),
  time: Type.Optional(
    Type.String({ pattern: timestampPattern, description: "When it happened: an RFC 3339 timestamp" }),
  ),
  data: Type.Optional(
    Type.Unknown({ description: "Any JSON; a string where `datacontenttype` is no JSON type" }),
  ),
  data_base64: Type.Optional(
    Type.String({
      pattern: "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
      description: "Bytes instead of `data`: base64 with padding",
    }),
  ),
  datacontenttype: Type.Optional(
    Type.String({
      pattern: "^[A-Za-z0-9!#$&^_.+-]{1,64}/[A-Za-z0-9!#$&^_.+-]{1,64}( *;[\\u0020-\\u007e]{1,120})?$",
      description: "The media type of the data; `application/json` when absent",
    }),
  ),
  dataschema: Type.Optional(
    Type.String({
      pattern: uriReferencePattern,
      maxLength: 256,
      description: "The schema of the data: a URI",
    }),
  ),
  expires: Type.Optional(
    Type.String({
      pattern: `${timestampPattern}|${durationPattern}`,
      description:
        "When it is of no use any more: an RFC 3339 timestamp, or a time from now such as `30s`, `10m`, `24h`, `7d`",
    }),
  ),
  collapseKey: Type.Optional(
    Type.String({
      pattern: textPattern(128),
      description: "Takes the place of an older one with the same key in the stream: 1 to 128 characters",
    }),
  ),
  silent: Type.Optional(Type.Boolean({ description: "Doesn't count as unread" })),
  ephemeral: Type.Optional(
    Type.Boolean({
      description: "For those who are here now; kept nowhere. Not with `receipt`, `collapseKey` or `expires`",
    }),
  ),
  receipt: Type.Optional(Type.Boolean({ description: "The producer wants to know who has received it" })),
};

export const Extension = Type.Union(
  [
    Type.String({ pattern: "^[^\\u0000-\\u001f\\u007f-\\u009f\\ud800-\\udfff]{0,1024}$" }),
    Type.Boolean(),
    Type.Integer({ minimum: -(2 ** 31), maximum: 2 ** 31 - 1 }),
  ],
  {
    description:
      "A CloudEvents extension attribute: text of at most 1,024 characters, a boolean or a 32-bit integer",
  },
);

export const NotificationBody = Type.Object(properties, {
  additionalProperties: Extension,
  propertyNames: Type.String({ pattern: "^([a-z0-9]{1,20}|data_base64|collapseKey)$" }),
  maxProperties: Object.keys(properties).length + limits.extensions,
});

/** A notification that has passed `parseNotification`. `to` has no name twice. */
export interface Notification {
  readonly to: readonly [StreamName, ...StreamName[]];
  /** With it, `to` are users alone. */
  readonly topic?: string;
  readonly id?: string;
  readonly source?: string;
  readonly type: string;
  readonly subject?: string;
  readonly time?: string;
  readonly data?: unknown;
  readonly data_base64?: string;
  readonly datacontenttype?: string;
  readonly dataschema?: string;
  readonly expires?: string;
  readonly collapseKey?: string;
  readonly silent?: boolean;
  readonly ephemeral?: boolean;
  readonly receipt?: boolean;
  readonly [extension: string]: unknown;
}
