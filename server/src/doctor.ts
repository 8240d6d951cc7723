/** `carillon doctor` without its command line: looks everything over that a server with these options would use. */
import { kafkaOf } from "./backends.ts";
import type { Config } from "./config/options.ts";
import { ownSources, readConfig } from "./config.ts";
import { announcedPid, examineDirectory } from "./doctor/directory.ts";
import { type Finding, well, wrong } from "./doctor/finding.ts";
import { examineNode } from "./doctor/runtime.ts";
import { whyNotBeside } from "./promotion/serving.ts";
import { read, standingFact } from "./promotion/standing.ts";
import { examineSqlite } from "./store/sqlite/examine.ts";
import { factLeftBehind } from "./store/sqlite/left-behind.ts";

export interface DoctorOptions {
  /** The command line: the server's options. */
  readonly args: readonly string[];
  readonly isThorough: boolean;
}

export async function examine({ args, isThorough }: DoctorOptions): Promise<readonly Finding[]> {
  const node = examineNode(process.versions.node);
  const configuration = readConfig(ownSources(args));
  if (!configuration.ok) {
    const advice = "`carillon serve --help` lists the options";
    return [
      node,
      ...configuration.problems.map(({ at, what }) => wrong("configuration", `${at}: ${what}`, advice)),
    ];
  }
  const { config } = configuration;
  const isShared = config.postgresUrl.length > 0;
  const directory = config.dataDirectory;
  const secretIsElsewhere = config.tokenSecret !== null || config.tokenSecretFile !== null;
  return [
    node,
    well("configuration", "the options go together"),
    ...examineDirectory({ directory, secretIsElsewhere, holdsData: !isShared }),
    ...(isShared ? await examineServices(config, isThorough) : examineData(config, isThorough)),
  ];
}

function examineData(config: Config, isThorough: boolean): Finding[] {
  const directory = config.dataDirectory;
  const standing = read(factLeftBehind(directory, standingFact)?.fact ?? null);
  const moved =
    standing?.is === "left"
      ? [
          wrong(
            "promotion",
            `all of it was promoted to ${standing.to}`,
            "serve that; see docs/operating/moving-up.md",
          ),
        ]
      : [];
  return [
    ...examineSqlite({
      directory,
      keepMs: config.retentionMs,
      isThorough,
      now: Date.now(),
      announcedPid: announcedPid(directory),
    }),
    ...moved,
  ];
}

async function examineServices(config: Config, isThorough: boolean): Promise<Finding[]> {
  const { examinePostgres } = await import("./store/postgres/examine.ts");
  const left = factLeftBehind(config.dataDirectory, standingFact);
  const forgotten = left === null ? null : whyNotBeside(config.dataDirectory, left.fact);
  const findings = [
    ...(forgotten === null ? [] : [wrong("promotion", forgotten, "see docs/operating/moving-up.md")]),
    ...(await examinePostgres({
      urls: config.postgresUrl,
      connections: config.postgresConnections,
      isThorough,
      now: Date.now,
    })),
  ];
  if (config.redisUrl.length > 0) {
    const { examineRedis } = await import("./bus/redis/examine.ts");
    findings.push(...(await Promise.all(config.redisUrl.map(examineRedis))));
  }
  const kafka = await kafkaOf(config);
  if (kafka !== null) {
    const { examineKafka } = await import("./log/kafka/examine.ts");
    findings.push(...(await examineKafka(kafka, config.parts)));
  }
  return findings;
}
