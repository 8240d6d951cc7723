// Shows that the linter holds the import rules of biome.jsonc: every file below is planted in a scratch
// folder, one import a line, and linted with the project's own configuration.
import { spawnSync } from "node:child_process";
import { appendFileSync, copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

type Rule = { file: string; why: string; allowed: string[]; refused: string[] };

const roles = ["receiver", "director", "distributor", "dispatcher"];
const backends = [
  "store/sqlite/streams.ts",
  "store/postgres/streams.ts",
  "log/inline.ts",
  "log/kafka/open.ts",
  "bus/local.ts",
  "bus/redis/open.ts",
  "bus/postgres/open.ts",
];
const ports = ["log/log.ts", "bus/bus.ts", "store/streams.ts", "store/positions.ts", "store/deliveries.ts"];
const edges = ["http/notifications.ts", "grpc/notifications.ts", "live/session.ts"];
const single = ["errors.ts", "clock.ts", "backoff.ts", "lifecycle.ts", "telemetry.ts"];
const above = [
  "assemble.ts",
  "edge.ts",
  "ground.ts",
  "trace.ts",
  "backends.ts",
  "main.ts",
  "config.ts",
  "config/options.ts",
];
const inRoles = roles.map((role) => `${role}/service.ts`);
const strangers = ["@carillon/cli/main", "@carillon/conformance/suite", "../../../protocol/src/cursor.ts"];
const up = (names: string[], by = "../") => names.map((name) => by + name);

const rules: Rule[] = [
  {
    file: "protocol/src/cursor.ts",
    why: "protocol runs anywhere",
    allowed: ["./stream.ts", "../src/stream.ts", "typebox", "typebox/value"],
    refused: [
      "node:fs",
      "node:fs/promises",
      "fs",
      "ws",
      "fastify",
      "@carillon/server/main",
      "../../server/src/clock.ts",
    ],
  },
  ...roles.map((role) => ({
    file: `server/src/${role}/planted.ts`,
    why: "a role knows ports, never a backend, another role or the edge",
    allowed: ["./decide.ts", ...up([...ports, ...single]), "@carillon/protocol/cursor", "fastify", "node:fs"],
    refused: [
      ...up([...backends, ...edges, ...above, ...inRoles.filter((name) => !name.startsWith(role))]),
      ...strangers,
    ],
  })),
  ...["sqlite", "postgres"].map((backend) => ({
    file: `server/src/store/${backend}/planted.ts`,
    why: "a backend knows its contract and single ideas",
    allowed: [
      "./open.ts",
      "../streams.ts",
      ...up(single, "../../"),
      "@carillon/protocol/cursor",
      "node:sqlite",
    ],
    refused: [
      `../${backend === "sqlite" ? "postgres" : "sqlite"}/open.ts`,
      ...up([...inRoles, ...edges, ...above, "log/kafka/open.ts"], "../../"),
    ],
  })),
  ...["log/inline.ts", "bus/local.ts"].map((file) => ({
    file: `server/src/${file}`,
    why: "a backend knows its contract and single ideas",
    allowed: ["./driver.ts", ...up(single), "@carillon/protocol/cursor"],
    refused: up([...inRoles, ...edges, ...above, ...backends.filter((name) => name !== file)]),
  })),
  ...["log/kafka", "bus/redis", "bus/postgres"].map((folder) => ({
    file: `server/src/${folder}/planted.ts`,
    why: "a backend knows its contract and single ideas",
    allowed: ["./open.ts", "../driver.ts", ...up(single, "../../"), "@carillon/protocol/cursor"],
    refused: up(
      [...inRoles, ...edges, ...above, ...backends.filter((name) => !name.startsWith(folder))],
      "../../",
    ),
  })),
  ...[...ports, "log/driver.ts", "bus/driver.ts", "store/directory.ts"].map((file) => ({
    file: `server/src/${file}`,
    why: "a contract or facade knows no backend, role or edge",
    allowed: ["./driver.ts", ...up(single), "@carillon/protocol/cursor"],
    refused: [
      ...up([...backends, ...inRoles, ...edges, ...above]),
      "./inline.ts",
      "./kafka/open.ts",
      "./local.ts",
      "./redis/open.ts",
      "./sqlite/streams.ts",
      "./postgres/streams.ts",
    ],
  })),
  ...["http", "grpc", "live"].map((folder) => ({
    file: `server/src/${folder}/planted.ts`,
    why: "the edge calls roles and ports, never a backend",
    allowed: ["./session.ts", ...up([...inRoles, ...ports, ...single]), "@carillon/protocol/cursor"],
    refused: [...up([...backends, ...above]), ...strangers],
  })),
  {
    file: "server/src/page/planted.ts",
    why: "the page is a browser's program",
    allowed: ["./inbox.js", "./elements.js"],
    refused: [
      ...up([...inRoles, ...edges, ...above, "clock.ts", "page.js"]),
      ...strangers,
      "@carillon/protocol/cursor",
      "node:fs",
      "fastify",
    ],
  },
  {
    file: "server/src/clock.ts",
    why: "a single idea knows nobody",
    allowed: ["./errors.ts"],
    refused: up([...backends, ...inRoles, ...edges, ...above], "./"),
  },
  {
    file: "server/src/main.ts",
    why: "main.ts reads, assembles and starts",
    allowed: ["./assemble.ts", "./config.ts", "./lifecycle.ts"],
    refused: up([...backends, ...inRoles, ...edges], "./"),
  },
  {
    file: "server/src/config.ts",
    why: "config.ts stands on its own folder",
    allowed: ["./config/options.ts", "./errors.ts"],
    refused: up([...backends, ...inRoles, ...edges], "./"),
  },
  {
    file: "server/src/assemble.ts",
    why: "assemble.ts sees all of the server but backends",
    allowed: up([...inRoles, ...edges, ...ports, "backends.ts", "config.ts"], "./"),
    refused: [...up(backends, "./"), ...strangers],
  },
  {
    file: "server/src/edge.ts",
    why: "edge.ts is a part of assemble.ts",
    allowed: up([...inRoles, ...edges, ...ports, "ground.ts", "config/options.ts"], "./"),
    refused: [...up(backends, "./"), ...strangers],
  },
  {
    file: "server/src/trace.ts",
    why: "trace.ts is a part of assemble.ts",
    allowed: up([...inRoles, ...ports], "./"),
    refused: [...up(backends, "./"), ...strangers],
  },
  {
    file: "server/src/callers.ts",
    why: "callers.ts is a part of assemble.ts",
    allowed: up([...ports, "config/options.ts"], "./"),
    refused: [...up(backends, "./"), ...strangers],
  },
  {
    file: "server/src/backends.ts",
    why: "backends.ts sees backends and the configuration",
    allowed: up([...backends, ...ports, "config/options.ts"], "./"),
    refused: [...up([...inRoles, ...edges, "assemble.ts", "main.ts"], "./"), ...strangers],
  },
  {
    file: "server/src/promote.ts",
    why: "promote.ts sees backends and the configuration",
    allowed: up([...backends, ...ports, "promotion/flow.ts", "config.ts", "config/options.ts"], "./"),
    refused: [...up([...inRoles, ...edges, "assemble.ts", "main.ts"], "./"), ...strangers],
  },
  ...["backup", "clean", "doctor"].map((name) => ({
    file: `server/src/${name}.ts`,
    why: `${name}.ts sees backends and the configuration`,
    allowed: up([...backends, ...ports, "backends.ts", "config.ts", "config/options.ts"], "./"),
    refused: [...up([...inRoles, ...edges, "assemble.ts", "main.ts"], "./"), ...strangers],
  })),
  {
    file: "server/test/planted.test.ts",
    why: "a test sees all of the server",
    allowed: up([...backends, ...inRoles, ...above], "../src/"),
    refused: [],
  },
  {
    file: "cli/src/serve.ts",
    why: "the command starts the server and looks no deeper",
    allowed: [
      "@carillon/server/main",
      "@carillon/server/backup",
      "@carillon/server/clean",
      "@carillon/server/doctor",
      "@carillon/server/parts",
      "@carillon/server/promote",
      "@carillon/server/config",
      "@carillon/server/config/show",
      "@carillon/protocol/cursor",
      "./send.ts",
      "ws",
    ],
    refused: ["@carillon/server/assemble", "@carillon/server/store/streams", "../../server/src/main.ts"],
  },
  {
    file: "conformance/planted.test.ts",
    why: "the exam knows the protocol and a base URL",
    allowed: ["@carillon/protocol/cursor", "./client.ts", "vitest"],
    refused: ["@carillon/server/main", "@carillon/cli/main", "../server/src/assemble.ts"],
  },
];

const reads = {
  allowed: ["server/src/config.ts", "cli/src/token.ts", "conformance/base.ts", "server/test/env.test.ts"],
  refused: [
    "server/src/backoff.ts",
    "server/src/director/env.ts",
    "server/src/live/env.ts",
    "protocol/src/env.ts",
  ],
};

// A whole import, a type, a dynamic import and a re-export count alike.
const forms = [
  (from: string) => `import "${from}";`,
  (from: string) => `import type { A } from "${from}";`,
  (from: string) => `await import("${from}");`,
  (from: string) => `export { a } from "${from}";`,
];

let scratch = "";
const found = new Map<string, Set<string>>();

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "carillon-import-rules-"));
  const root = fileURLToPath(new URL("..", import.meta.url));
  copyFileSync(join(root, "biome.jsonc"), join(scratch, "biome.jsonc"));
  for (const { file, allowed, refused } of rules) {
    plant(
      file,
      [...allowed, ...refused].flatMap((from) => forms.map((form) => form(from))),
    );
  }
  for (const file of [...reads.allowed, ...reads.refused])
    plant(file, ['export const a = process.env["A"];']);

  const biome = join(
    dirname(createRequire(import.meta.url).resolve("@biomejs/biome/package.json")),
    "bin/biome",
  );
  const lint = [
    "lint",
    "--vcs-enabled=false",
    "--reporter=concise",
    "--max-diagnostics=none",
    "--colors=off",
    ".",
  ];
  const { stdout, stderr } = spawnSync(process.execPath, [biome, ...lint], {
    cwd: scratch,
    encoding: "utf8",
  });
  for (const line of `${stdout}\n${stderr}`.split("\n")) {
    const [, file, number, rule] = /(\S+?):(\d+):\d+: lint\/style\/(\w+)/.exec(line) ?? [];
    if (file) found.set(file, (found.get(file) ?? new Set()).add(`${rule} ${number}`));
  }
});

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function plant(file: string, lines: string[]) {
  mkdirSync(join(scratch, dirname(file)), { recursive: true });
  appendFileSync(join(scratch, file), lines.map((line) => `${line}\n`).join(""));
}

describe.each(rules)("$file: $why", ({ file, allowed, refused }) => {
  const verdict = (from: string) => {
    const first = [...allowed, ...refused].indexOf(from) * forms.length + 1;
    return forms.map((_, i) => found.get(file)?.has(`noRestrictedImports ${first + i}`) ?? false);
  };
  test("holds", () => {
    expect({
      wronglyRefused: allowed.filter((from) => verdict(from).some(Boolean)),
      wronglyAllowed: refused.filter((from) => !verdict(from).every(Boolean)),
    }).toEqual({ wronglyRefused: [], wronglyAllowed: [] });
  });
});

test("process.env is read by config.ts, the command and tests alone", () => {
  const flagged = [...reads.allowed, ...reads.refused].filter((file) =>
    found.get(file)?.has("noProcessEnv 1"),
  );
  expect(flagged).toEqual(reads.refused);
});
