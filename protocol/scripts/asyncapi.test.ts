import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { asyncapi, asyncapiText } from "./asyncapi.ts";

const read = (name: string) => readFileSync(new URL(`../${name}`, import.meta.url), "utf8");
const { version } = JSON.parse(read("package.json"));

test("asyncapi.json is what `npm run generate` writes", () => {
  expect(read("asyncapi.json")).toBe(asyncapiText(version));
});

test("every reference in it leads somewhere", () => {
  const document = JSON.parse(JSON.stringify(asyncapi(version)));
  const resolve = (pointer: string) =>
    pointer
      .slice(2)
      .split("/")
      .reduce((node, step) => node?.[step], document);
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref]) => ref!);
  expect(references.length).toBeGreaterThan(20);
  for (const reference of references) expect(resolve(reference), reference).toBeDefined();
});
