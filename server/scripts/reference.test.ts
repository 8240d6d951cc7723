import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { apiPage } from "./api-reference.ts";
import { currentOpenapi } from "./openapi.ts";
import { metricsPage, optionsPage } from "./reference.ts";

const page = (name: string) => readFileSync(new URL(`../../docs/reference/${name}`, import.meta.url), "utf8");

test("the reference pages are what `npm run generate` writes", async () => {
  expect(page("api.md")).toBe(apiPage(await currentOpenapi()));
  expect(page("options.md")).toBe(optionsPage());
  expect(page("metrics.md")).toBe(metricsPage());
});
