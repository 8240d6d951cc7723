import { execFile } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { kafkaPorts } from "./answers.ts";
import { binary } from "./find.ts";
import { freePorts } from "./free-ports.ts";
import { kafkaJars } from "./kafka-jars.ts";
import { type Command, type Server, server } from "./server.ts";
import { type Brokers, kafkaHeap, kafkaListeners, kafkaSettings } from "./versions.ts";

const run = promisify(execFile);

export interface KafkaPlace {
  readonly name?: string;
  readonly directory: string;
  /** One a broker, for clients. */
  readonly ports: readonly number[];
  /** One a broker, for other brokers. */
  readonly brokerPorts: readonly number[];
  /** One a broker, for controllers among themselves. */
  readonly controllerPorts: readonly number[];
  /** One a broker: where clients are told that it is, if something stands between. */
  readonly advertisedPorts?: readonly number[];
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
      while ((await kafkaPorts(port)).length < ports.length) await sleep(50);
    }
  }
  return {
    bootstrap: (place.advertisedPorts ?? ports).map((port) => `127.0.0.1:${port}`),
    brokers,
    up,
    stop: async () => void (await Promise.all(brokers.map((each) => each.stop()))),
  };
}

type OwnKafka = Pick<KafkaPlace, "name" | "directory" | "settings" | "advertisedPorts"> & {
  readonly brokers?: Brokers;
  /** For clients, one a broker; free ones if not given. */
  readonly ports?: readonly number[];
};

/** A cluster of the caller's own, up; one broker unless said. */
export async function startKafka({ brokers = 1, ports, ...place }: OwnKafka): Promise<Kafka> {
  const free = await freePorts(3 * brokers);
  const started = kafka({
    ...place,
    ports: ports ?? free.slice(0, brokers),
    brokerPorts: free.slice(brokers, 2 * brokers),
    controllerPorts: free.slice(2 * brokers),
  });
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
    answers: async () => (await kafkaPorts(place.ports[at]!)).length > 0,
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
  const { ports, brokerPorts, controllerPorts, advertisedPorts = ports } = place;
  const on = (name: string, all: readonly number[]) => `${name}://127.0.0.1:${all[at]}`;
  const broker = on("BROKER", brokerPorts);
  return {
    "process.roles": "broker,controller",
    "node.id": String(at + 1),
    "controller.quorum.voters": controllerPorts
      .map((port, each) => `${each + 1}@127.0.0.1:${port}`)
      .join(","),
    listeners: [on("CLIENT", ports), broker, on("CONTROLLER", controllerPorts)].join(","),
    "advertised.listeners": [on("CLIENT", advertisedPorts), broker].join(","),
    "log.dirs": data,
    ...kafkaListeners,
    ...kafkaSettings(ports.length === 3 ? 3 : 1),
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
