import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { binary } from "./find.ts";
import { place } from "./place.ts";
import { versions } from "./versions.ts";

const run = promisify(execFile);

export function kafkaJarsFolder(): string {
  return join(place(), `kafka-${versions.kafka}`);
}

/** The folder of Kafka's jars, brought from Maven Central (44 MB) if it isn't there. Several may ask at once. */
export async function kafkaJars(): Promise<string> {
  const folder = kafkaJarsFolder();
  if (existsSync(folder)) return folder;
  mkdirSync(place(), { recursive: true });
  const half = mkdtempSync(join(place(), "jars-"));
  try {
    writeFileSync(join(half, "pom.xml"), pom);
    const jars = join(half, "jars");
    const goal = [`${plugin}:copy-dependencies`, "-DincludeScope=runtime", `-DoutputDirectory=${jars}`];
    await run(binary("mvn"), ["--batch-mode", "--no-transfer-progress", "--quiet", ...goal], { cwd: half });
    if (!existsSync(folder)) renameSync(jars, folder);
  } catch (cause) {
    // Another process's folder took the name meanwhile: it holds the same.
    if (existsSync(folder)) return folder;
    const said = cause instanceof Error && "stdout" in cause ? `\n${String(cause.stdout).trimEnd()}` : "";
    throw new Error(`mvn could not bring Kafka ${versions.kafka} from Maven Central${said}`, { cause });
  } finally {
    rmSync(half, { recursive: true, force: true });
  }
  return folder;
}

const plugin = `org.apache.maven.plugins:maven-dependency-plugin:${versions.mavenDependencyPlugin}`;

const dependency = (group: string, artifact: string, version: string) =>
  `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`;

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>services</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    ${dependency("org.apache.kafka", "kafka_2.13", versions.kafka)}
    ${dependency("org.apache.logging.log4j", "log4j-slf4j-impl", versions.log4j)}
  </dependencies>
</project>
`;
