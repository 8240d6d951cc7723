/** The page of the request API, made from the OpenAPI document. */
import { generated, table } from "./markdown.ts";

/** As much of a JSON Schema as routes use. */
interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly description?: string;
  readonly default?: unknown;
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
}

interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required?: boolean;
  readonly description?: string;
  readonly schema: Schema;
}

type Content = Readonly<Record<string, { readonly schema: Schema }>>;

interface Operation {
  readonly summary: string;
  readonly description?: string;
  readonly tags: readonly string[];
  readonly security: readonly Readonly<Record<string, unknown>>[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<
    Record<string, { readonly $ref?: string; readonly description?: string; readonly content?: Content }>
  >;
}

interface Document {
  readonly tags: readonly { readonly name: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

interface Call {
  readonly name: string;
  readonly operation: Operation;
  readonly problems: readonly string[];
}

export function apiPage(openapi: string): string {
  const { tags, paths, components } = JSON.parse(openapi) as Document;
  const calls = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(
      ([method, operation]): Call => ({
        name: `${method.toUpperCase()} ${path}`,
        operation,
        problems: problemsOf(operation),
      }),
    ),
  );
  const [first = [], ...others] = calls.map(({ problems }) => problems);
  const always = first.filter((code) => others.every((problems) => problems.includes(code)));
  const groups = tags.map(({ name }) => {
    const own = calls.filter(({ operation }) => operation.tags.includes(name));
    return [`## ${name}`, ...own.map((call) => callText(call, always))].join("\n\n");
  });
  const shapes = Object.entries(components.schemas).map(([name, schema]) => shapeText(name, schema));
  return `${[
    "# Request API",
    generated,
    "What is asked over HTTP, with JSON in both directions. [spec.md](../../protocol/spec.md) says what it means, and has\n" +
      "the live connections; [openapi.json](../../protocol/openapi.json) is this page for programs. A credential goes into\n" +
      "`Authorization: Bearer`: an API key for what backends ask, a token for what users' clients ask. Every answer has\n" +
      "`X-Request-Id`, the name of the request in the server's log.",
    `What isn't done is answered with a problem (RFC 9457); its \`code\` is one of the table in spec.md, section 9. Each of\nthese may be the answer to any request: ${codes(always)}.`,
    ...groups,
    "## Shapes",
    ...shapes,
  ].join("\n\n")}\n`;
}

const codes = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(", ");

/** Responses of problems are named by what they may be: `#/components/responses/forbidden.source-forbidden`. */
const problemsOf = ({ responses }: Operation): readonly string[] =>
  Object.values(responses).flatMap(({ $ref }) => $ref?.split("/").at(-1)?.split(".") ?? []);

function callText({ name, operation, problems }: Call, always: readonly string[]): string {
  const { summary, description, parameters = [], requestBody, responses } = operation;
  const own = problems.filter((code) => !always.includes(code));
  const answers = Object.entries(responses).flatMap(([status, { description: what, content }]) =>
    what === undefined ? [] : [[status, what, contentText(content)]],
  );
  return [
    `### ${name}`,
    description === undefined ? `${summary}.` : `${summary}. ${description}`,
    `With ${whoseText(operation)}.`,
    parameters.length === 0
      ? null
      : table(
          ["parameter", "in", "", ""],
          parameters.map(({ name: parameter, in: where, required, description: what = "", schema }) => [
            `\`${parameter}\``,
            where,
            `${typeText(schema)}${required || where === "path" ? "" : ", optional"}`,
            what || (schema.description ?? ""),
          ]),
        ),
    requestBody === undefined ? null : bodyText(requestBody.content),
    table(["status", "", ""], answers),
    own.length === 0 ? null : `Problems: ${codes(own)}.`,
  ]
    .filter((part) => part !== null)
    .join("\n\n");
}

function whoseText({ security }: Operation): string {
  const named: Readonly<Record<string, string>> = { key: "an API key", token: "a token", ticket: "a ticket" };
  const ways = security.flatMap((way) => Object.keys(way).map((name) => named[name] ?? name));
  return ways.length === 0 ? "no credential" : ways.join(" or ");
}

const contentText = (content: Content | undefined): string =>
  content === undefined
    ? ""
    : Object.entries(content)
        .map(
          ([type, { schema }]) => `${typeText(schema)}${type === "application/json" ? "" : ` (\`${type}\`)`}`,
        )
        .join("; ");

function bodyText(content: Content): string {
  const [only, ...others] = Object.entries(content);
  const { properties } = only?.[1].schema ?? {};
  const isPlain = others.length === 0 && properties !== undefined;
  return isPlain
    ? `The body, as \`${only![0]}\`:\n\n${membersText(only![1].schema)}`
    : `The body: ${contentText(content)}.`;
}

function membersText({ properties = {}, required = [] }: Schema): string {
  const rows = Object.entries(properties).map(([name, schema]) => [
    `\`${name}\``,
    `${typeText(schema)}${required.includes(name) ? "" : ", optional"}`,
    schema.description ?? "",
  ]);
  return table(["member", "", ""], rows);
}

function shapeText(name: string, schema: Schema): string {
  const about = schema.description === undefined ? [] : [`${schema.description}.`];
  const isObject = schema.properties !== undefined && Object.keys(schema.properties).length > 0;
  return [`### Shape of ${name}`, ...about, isObject ? membersText(schema) : `${typeText(schema)}.`].join(
    "\n\n",
  );
}

/** A type in a few words: `text, at most 256 characters`. */
function typeText(schema: Schema): string {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.split("/").at(-1)!;
    return `[${name}](#shape-of-${name.toLowerCase()})`;
  }
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.enum !== undefined)
    return schema.enum.map((value) => `\`${JSON.stringify(value)}\``).join(" or ");
  if (schema.anyOf !== undefined) return [...new Set(schema.anyOf.map(typeText))].join(" or ");
  const { type, items, maximum, minimum, maxLength, maxItems, properties = {}, default: usual } = schema;
  const fallback = usual === undefined ? "" : `, \`${JSON.stringify(usual)}\` when absent`;
  switch (type) {
    case "array":
      return `list of ${items === undefined ? "anything" : typeText(items)}${maxItems === undefined ? "" : `, at most ${maxItems}`}`;
    case "object": {
      const names = Object.keys(properties);
      return names.length === 0 ? "object" : `object of ${codes(names)}`;
    }
    case "integer":
    case "number": {
      const bounds = maximum === undefined ? "" : ` from ${minimum ?? 0} to ${maximum}`;
      return `${type === "integer" ? "whole number" : "number"}${bounds}${fallback}`;
    }
    case "string":
      return `text${maxLength === undefined ? "" : `, at most ${maxLength} characters`}${fallback}`;
    case "boolean":
      return `true or false${fallback}`;
    case "null":
      return "null";
    default:
      return Array.isArray(type) ? type.join(" or ") : "any JSON";
  }
}
