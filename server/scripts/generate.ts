/** Writes the generated documents; a test says when they lag behind. */
import { writeFileSync } from "node:fs";
import { currentOpenapi } from "./openapi.ts";

writeFileSync(new URL("../../protocol/openapi.json", import.meta.url), await currentOpenapi());
