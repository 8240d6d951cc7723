import { execFile } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { kafkaKnows } from "./answers.ts";
import { binary } from "./find.ts";
import { freePorts } from "./free-ports.ts";
import { kafkaJars } from "./kafka-jars.ts";
import { type Command, type Server, server } from "./server.ts";
import { type Brokers, kafkaHeap, kafkaSettings } from "./versions.ts";

const run = promisify(execFile);

export interface KafkaPlace {
  readonly name?: string;
  readonly directory: string;
  /** One a broker, for clients. */
  readonly ports: readonly number[];
  /** One a broker, for each other. */
  readonly controllerPorts: readonly number[];
  /** Over those of versions.ts. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Brokers that are controllers as well (KRaft), in one cluster; each may be treated badly on its own. */
export interface Kafka {
  readonly bootstrap: readonly string[];
  readonly brokers: readonly Server[];
  /** Resolves once every broker knows all of them. */
  readonly up: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

export function kafka(place: KafkaPlace): Kafka {
  const { ports } = place;
  const brokers = ports.map((_, at) => broker(place, at));
  async function up(): Promise<void> {
    await Promise.all(brokers.map((each) => each.up()));
    for (const port of ports) {
      while (!(await kafkaKnows(port, ports.length))) await sleep(50);
    }
  }
  return {
    bootstrap: ports.map((port) => `127.0.0.1:${port}`),
    brokers,
    up,
    stop: async () => void (await Promise.all(brokers.map((each) => each.stop()))),
  };
}

/** A cluster of the caller's own, up, on free ports. */
export async function startKafka(
  place: Pick<KafkaPlace, "name" | "directory" | "settings"> & { readonly brokers?: Brokers },
): Promise<Kafka> {
  const { brokers = 1, ...rest } = place;
  const found = await freePorts(2 * brokers);
  const started = kafka({ ...rest, ports: found.slice(0, brokers), controllerPorts: found.slice(brokers) });
  await started.up();
  return started;
}

function broker(place: KafkaPlace, at: number): Server {
  const several = place.ports.length > 1;
  const name = place.name ?? "kafka";
  const directory = several ? join(place.directory, String(at + 1)) : place.directory;
  return server({
    name: several ? `${name} ${at + 1}` : name,
    url: `127.0.0.1:${place.ports[at]}`,
    directory,
    command: () => prepare(place, at, directory),
    answers: () => kafkaKnows(place.ports[at]!, 1),
    stopSignal: "SIGTERM",
  });
}

const cluster = "hPJ4pN9SQmeC0bpXhqM1mA";

async function prepare(place: KafkaPlace, at: number, directory: string): Promise<Command> {
  mkdirSync(directory, { recursive: true });
  const java = binary("java");
  const jars = join(await kafkaJars(), "*");
  const data = join(directory, "data");
  const properties = join(directory, "server.properties");
  const logging = join(directory, "log4j2.xml");
  writeFileSync(logging, log4j2);
  writeFileSync(properties, lines(configuration(place, at, data)));
  if (!existsSync(data)) {
    // Under another name until it is whole, so that one cut short isn't taken for a broker's data.
    const half = join(directory, "formatting");
    const scratch = join(directory, "format.properties");
    rmSync(half, { recursive: true, force: true });
    writeFileSync(scratch, lines(configuration(place, at, half)));
    const jvm = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", `-Dlog4j2.configurationFile=${logging}`];
    const format = ["kafka.tools.StorageTool", "format", "-t", cluster, "-c", scratch];
    await run(java, [...jvm, "-cp", jars, ...format]);
    renameSync(half, data);
  }
  const jvm = [...kafkaHeap.split(" "), "-XX:+UseSerialGC", "-XX:-UsePerfData"];
  const main = ["-cp", jars, "kafka.Kafka", properties];
  return { file: java, arguments: [...jvm, `-Dlog4j2.configurationFile=${logging}`, ...main], account: null };
}

function configuration(place: KafkaPlace, at: number, data: string): Record<string, string> {
  const client = `PLAINTEXT://127.0.0.1:${place.ports[at]}`;
  return {
    "process.roles": "broker,controller",
    "node.id": String(at + 1),
    "controller.quorum.voters": place.controllerPorts
      .map((port, each) => `${each + 1}@127.0.0.1:${port}`)
      .join(","),
    listeners: `${client},CONTROLLER://127.0.0.1:${place.controllerPorts[at]}`,
    "advertised.listeners": client,
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "log.dirs": data,
    ...kafkaSettings(place.ports.length === 3 ? 3 : 1),
    ...place.settings,
  };
}

function lines(properties: Record<string, string>): string {
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join("");
}

const log4j2 = `<Configuration status="WARN">
  <Appenders>
    <Console name="out" target="SYSTEM_OUT"><PatternLayout pattern="%d{HH:mm:ss.SSS} %p %m (%c{1})%n%throwable{3}"/></Console>
  </Appenders>
  <Loggers>
    <Logger name="kafka" level="INFO"/>
    <Root level="WARN"><AppenderRef ref="out"/></Root>
  </Loggers>
</Configuration>
`;
