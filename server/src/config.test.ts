import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { fileName, flag, type OptionName, optionNames, optionOf, variable } from "./config/options.ts";
import { showConfig, showProblems } from "./config/show.ts";
import { type Configuration, readConfig } from "./config.ts";

let cwd = "";
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "carillon-config-"));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

const read = (args: string[] = [], env: Record<string, string> = {}) => readConfig({ args, env, cwd });

function good(configuration: Configuration) {
  if (!configuration.ok) throw new Error(showProblems(configuration.problems));
  return configuration;
}

function problems(configuration: Configuration) {
  if (configuration.ok) throw new Error("the configuration should not be usable");
  return configuration.problems.map(({ at, what }) => `${at}: ${what}`);
}

const file = (name: string, content: unknown) => {
  mkdirSync(join(cwd, "carillon-data"), { recursive: true });
  writeFileSync(join(cwd, name), typeof content === "string" ? content : JSON.stringify(content));
};

describe("every option", () => {
  test.each(optionNames)("%s is documented, bounded, and its default is allowed", (name) => {
    const { kind, doc, section, default: fallback } = optionOf(name);
    expect(doc).toMatch(/^[A-Z].{20,}[.`]$/s);
    expect(section).not.toBe("");
    if (!kind.boolean) expect(kind.bounds).toBeTruthy();
    if (fallback === null) return;
    expect(kind.read(kind.show(fallback))).toEqual({ ok: true, value: fallback });
  });

  test("has names of its own in the file, the environment and on the command line", () => {
    for (const names of [optionNames.map(fileName), optionNames.map(variable), optionNames.map(flag)]) {
      expect(new Set(names).size).toBe(optionNames.length);
    }
    expect(variable("drainWindowMs")).toBe("CARILLON_DRAIN_WINDOW");
    expect(flag("notificationBytes")).toBe("--notification-size");
  });

  test("refuses anything strange with words, and never throws", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...optionNames),
        fc.oneof(fc.string(), fc.jsonValue()),
        (name: OptionName, raw) => {
          const result = optionOf(name).kind.read(raw);
          expect(result.ok || result.problem.length > 5).toBe(true);
        },
      ),
    );
  });

  test("can be said on the command line, but for secrets", () => {
    for (const name of optionNames) {
      const { kind, secret, default: fallback } = optionOf(name);
      if (fallback === null) continue;
      const args = kind.boolean
        ? [fallback ? flag(name) : flag(name).replace("--", "--no-")]
        : [flag(name), kind.show(fallback)];
      expect(secret).toBeUndefined();
      expect(good(read(args)).origins[name]).toContain(flag(name).slice(2));
    }
    expect(problems(read(["--token-secret", "x".repeat(40)]))[0]).toContain("is no option");
  });
});

describe("precedence", () => {
  test("a flag beats the environment, which beats the file, which beats the default", () => {
    file("carillon-data/carillon.json", {
      port: 1,
      operationsPort: 1_111,
      heartbeat: "1m",
      logLevel: "warn",
    });
    const { config, origins } = good(
      read(["--port", "3"], { CARILLON_PORT: "2", CARILLON_OPERATIONS_PORT: "2222" }),
    );
    expect([config.port, config.operationsPort, config.heartbeatMs, config.replayRows]).toEqual([
      3, 2_222, 60_000, 1_000,
    ]);
    expect(origins.port).toBe("--port");
    expect(origins.operationsPort).toBe("CARILLON_OPERATIONS_PORT");
    expect(origins.heartbeatMs).toContain('"heartbeat" in ');
    expect(origins.replayRows).toBe("default");
  });

  test("paths are meant from where they are said", () => {
    mkdirSync(join(cwd, "etc"));
    file("etc/carillon.json", { dataDirectory: "../data", tokenSecretFile: "secret" });
    const { config } = good(read(["--config", "etc/carillon.json"]));
    expect(config.dataDirectory).toBe(join(cwd, "data"));
    expect(config.tokenSecretFile).toBe(join(cwd, "etc/secret"));
    expect(good(read(["--data-directory", "here"])).config.dataDirectory).toBe(join(cwd, "here"));
  });
});

describe("problems", () => {
  test("are told all at once, each with its place and what was meant", () => {
    file("carillon-data/carillon.json", { hartbeat: "5s", sessions: 0 });
    const found = problems(
      read(["--prot", "8080", "--session-buffer-size=1KB"], {
        CARILLON_DRAIN_WINDW: "1s",
        CARILLON_HEARTBEAT: "25",
      }),
    );
    expect(found).toHaveLength(6);
    expect(found).toContainEqual(expect.stringContaining("--prot: is no option; did you mean --port?"));
    expect(found).toContainEqual(
      expect.stringContaining('--session-buffer-size: "1KB" is out of bounds; 16KB to 64MB'),
    );
    expect(found).toContainEqual(
      expect.stringContaining("CARILLON_DRAIN_WINDW: is no option; did you mean CARILLON_DRAIN_WINDOW?"),
    );
    expect(found).toContainEqual(
      expect.stringContaining('CARILLON_HEARTBEAT: "25" is not a duration; write it with a unit'),
    );
    expect(found).toContainEqual(expect.stringMatching(/"hartbeat" in .*did you mean heartbeat\?/));
    expect(found).toContainEqual(expect.stringMatching(/"sessions" in .*0 is out of bounds; 1 to 1000000/));
  });

  test.each([
    [["--port"], {}, "needs a value"],
    [["--port", "70000"], {}, "out of bounds"],
    [["extra"], {}, "is not expected here"],
    [["--roles", "receiver"], {}, "roles apart need a shared store"],
    [["--roles", "receivr,director"], {}, "is none of"],
    [["--kafka-brokers", "127.0.0.1:9092"], {}, "needs a shared store"],
    [["--redis-url", "redis://127.0.0.1"], {}, "needs a shared store"],
    [["--postgres-url", "postgres://db/c", "--roles", "receiver"], {}, "need a log between them"],
    [["--postgres-url", "postgres://a/c,postgres://b/c"], {}, "several servers need a log"],
    [["--postgres-url", "mysql://db/c"], {}, "is not an address such as"],
    [["--postgres-url", "postgres://me:secret@db/c"], {}, "holds a password"],
    [["--kafka-brokers", "kafka"], {}, "is not a broker such as"],
    [
      ["--kafka-brokers", "k:1", "--postgres-url", "postgres://db/c", "--kafka-user", "me"],
      {},
      "needs a password",
    ],
    [["--drain-window", "1m", "--drain-deadline", "30s"], {}, "must be shorter"],
    [["--port", "7701"], {}, "is the same as --port"],
    [["--config", "missing.json"], {}, "does not exist"],
    [[], { CARILLON_TOKEN_SECRET: "short" }, "is not a secret of 32"],
    [["--token-key-set-url", "http://example.com/keys"], {}, "is not an https: URL"],
  ])("%j %j: %s", (args, env, words) => {
    expect(problems(read(args, env as Record<string, string>)).join("\n")).toContain(words);
  });

  test("a file that is not JSON, or not an object, is one problem", () => {
    file("carillon-data/carillon.json", "{port: 1}");
    expect(problems(read())).toEqual([expect.stringContaining("can't be read")]);
    file("carillon-data/carillon.json", []);
    expect(problems(read())).toEqual([expect.stringContaining("one JSON object")]);
  });

  test("a secret is never shown, not even a wrong one", () => {
    const secret = "hunter2-".repeat(5);
    const { config, origins } = good(read([], { CARILLON_TOKEN_SECRET: secret }));
    expect(JSON.stringify(showConfig(config, origins))).not.toContain("hunter2");
    expect(JSON.stringify(problems(read([], { CARILLON_TOKEN_SECRET: "hunter2" })))).not.toContain("hunter2");
  });

  test("a password in an address is never shown, not even in a wrong one", () => {
    const url = "postgres://me:hunter2@db-1:5432,db-2:5432/carillon";
    const { config, origins } = good(read([], { CARILLON_POSTGRES_URL: url }));
    expect(config.postgresUrl).toEqual([url]);
    const shown = JSON.stringify(showConfig(config, origins));
    expect(shown).not.toContain("hunter2");
    expect(shown).toContain("postgres://me:(hidden)@db-1");
    const wrong = problems(read([], { CARILLON_POSTGRES_URL: `${url},mysql://me:hunter2@db/c` }));
    expect(wrong.join()).toContain("is not an address");
    expect(wrong.join()).not.toContain("hunter2");
  });

  test("addresses are separated by commas before a scheme, since one may name several hosts", () => {
    const env = {
      CARILLON_POSTGRES_URL: "postgres://a,b/c, postgres://d/e",
      CARILLON_KAFKA_BROKERS: "k:1,l:2",
    };
    const { config } = good(read([], env));
    expect(config.postgresUrl).toEqual(["postgres://a,b/c", "postgres://d/e"]);
    expect(config.kafkaBrokers).toEqual(["k:1", "l:2"]);
  });

  test("what Kubernetes says of a service named carillon is nobody's configuration", () => {
    const env = {
      CARILLON_PORT: "tcp://10.0.0.1:7700",
      CARILLON_SERVICE_HOST: "10.0.0.1",
      CARILLON_SERVICE_PORT_HTTP: "7700",
      CARILLON_PORT_7700_TCP_ADDR: "10.0.0.1",
    };
    expect(good(read([], env)).config.port).toBe(7_700);
  });
});
