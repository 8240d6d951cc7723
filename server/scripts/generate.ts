/** Writes the generated documents; a test says when they lag behind. */
import { writeFileSync } from "node:fs";
import { apiPage } from "./api-reference.ts";
import { currentOpenapi } from "./openapi.ts";
import { metricsPage, optionsPage } from "./reference.ts";

const write = (path: string, text: string) => writeFileSync(new URL(`../../${path}`, import.meta.url), text);

const openapi = await currentOpenapi();
write("protocol/openapi.json", openapi);
write("docs/reference/api.md", apiPage(openapi));
write("docs/reference/options.md", optionsPage());
write("docs/reference/metrics.md", metricsPage());
