import type { KnipConfig } from "knip";
import cli from "./cli/package.json" with { type: "json" };
import protocol from "./protocol/package.json" with { type: "json" };
import server from "./server/package.json" with { type: "json" };

// The package is packed from the root, which so depends on what its parts import. Some of it is used there too.
const usedAtRoot = ["pg", "@opentelemetry/api"];
const ofParts = [protocol, server, cli]
  .flatMap((room) => Object.keys(room.dependencies))
  .filter((name) => !name.startsWith("@carillon/") && !usedAtRoot.includes(name));

const config: KnipConfig = {
  // What a type looks like is part of a signature, whether or not its name is imported.
  ignoreExportsUsedInFile: { interface: true, type: true },
  workspaces: {
    ".": {
      entry: [".ci/count.js", "docs/examples/*.js", "bench/bus.ts", "bench/store-apply.ts"],
      vitest: { config: ["vitest*.config.ts"] },
      ignoreBinaries: ["fish", "taskset", "apt-get", "redis-server"],
      ignoreDependencies: ofParts,
    },
    // Its exports map opens every file to the command, so unused exports are looked for there too.
    server: { entry: ["src/page/main.js"], includeEntryExports: true },
    cli: { entry: ["src/main.ts"] },
    conformance: { entry: ["src/exam.ts"] },
  },
};

export default config;
