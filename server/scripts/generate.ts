/** Writes the generated documents; a test says when they lag behind. */
import { writeFileSync } from "node:fs";
import { currentOpenapi } from "./openapi.ts";
import { metricsPage, optionsPage } from "./reference.ts";

const write = (path: string, text: string) => writeFileSync(new URL(`../../${path}`, import.meta.url), text);

write("protocol/openapi.json", await currentOpenapi());
write("docs/reference/options.md", optionsPage());
write("docs/reference/metrics.md", metricsPage());
