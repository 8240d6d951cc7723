import { readFileSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import { currentOpenapi } from "../../scripts/openapi.ts";

const committed = readFileSync(new URL("../../../protocol/openapi.json", import.meta.url), "utf8");

interface Operation {
  readonly operationId: string;
  readonly responses: Readonly<Record<string, { readonly $ref?: string }>>;
}
let document: {
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly responses: Record<string, object> };
};
beforeAll(() => {
  document = JSON.parse(committed);
});

test("openapi.json is what `npm run generate` writes", async () => {
  expect(await currentOpenapi()).toBe(committed);
});

test("every reference in it leads somewhere", () => {
  const references = [...committed.matchAll(/"\$ref": "#\/([^"]+)"/g)].map(([, path]) => path!);
  expect(references.length).toBeGreaterThan(50);
  for (const path of references) {
    const found = path
      .split("/")
      .reduce<unknown>((node, step) => (node as Record<string, unknown>)?.[step], document);
    expect(found, path).toBeTypeOf("object");
  }
});

test("every route under /v1 is in it", () => {
  expect(Object.keys(document.paths).sort()).toEqual([
    "/v1/ack",
    "/v1/archive",
    "/v1/events",
    "/v1/inbox",
    "/v1/inbox/{stream}/{seq}",
    "/v1/keys",
    "/v1/keys/{name}",
    "/v1/notifications",
    "/v1/notifications/{id}",
    "/v1/poll",
    "/v1/read",
    "/v1/revocations",
    "/v1/seen",
    "/v1/subscriptions",
    "/v1/subscriptions/{topic}",
    "/v1/tickets",
    "/v1/topics",
    "/v1/topics/{topic}",
    "/v1/topics/{topic}/grants",
    "/v1/topics/{topic}/grants/{user}",
    "/v1/topics/{topic}/notifications",
    "/v1/topics/{topic}/subscribers",
    "/v1/topics/{topic}/subscribers/{user}",
    "/v1/unread",
    "/v1/users/{user}",
    "/v1/users/{user}/presence",
    "/v1/users/{user}/revocations",
    "/v1/users/{user}/state",
    "/v1/users/{user}/tokens",
    "/v1/users/{user}/unread",
  ]);
});

test("operations have names of their own, and all say what can go wrong", () => {
  const operations = Object.values(document.paths).flatMap((path) => Object.values(path));
  expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(operations.length);
  for (const { operationId, responses } of operations) {
    for (const status of ["401", "500", "503"]) {
      expect(responses[status]?.$ref, `${operationId} ${status}`).toBeTypeOf("string");
    }
  }
});
