/** Writes the generated documents; a test says when they lag behind. */
import { readFileSync, writeFileSync } from "node:fs";
import { asyncapiText } from "./asyncapi.ts";

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
writeFileSync(new URL("../asyncapi.json", import.meta.url), asyncapiText(version));
