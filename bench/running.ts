/** A deployment that runs: its processes started, ready, and seen as producers, clients and the measuring see them. */
import { randomBytes } from "node:crypto";
import type { Backends, Backing } from "./backends.ts";
import type { Cpu, Usage } from "./cpu.ts";
import type { Deployment, Role } from "./deployments.ts";
import { type ServerProcess, startProcess } from "./server-process.ts";

export interface RunningOptions {
  readonly deployment: Deployment;
  readonly cli: string;
  readonly nodeOptions: readonly string[];
  readonly directory: string;
}

export interface Running {
  readonly deployment: Deployment;
  readonly producerPorts: readonly number[];
  readonly clientPorts: readonly number[];
  readonly apiKey: string;
  readonly signingKey: string;
  /** The embedded server's. */
  readonly dataDirectory: string;
  readonly backing: Backing;
  cpu(): Cpu;
  /** Resolves when so many notifications have been committed since the start. */
  committed(count: number): Promise<void>;
  stop(): Promise<void>;
}

const patienceMs = 60_000;
const everyMs = 10;

/** `extra` are options of Node's for the first process with a distributor. */
export async function startRunning(
  { deployment, cli, nodeOptions, directory }: RunningOptions,
  backends: Backends,
  extra: readonly string[] = [],
): Promise<Running> {
  const backing = await backends.back(deployment);
  const alone = deployment.processes.length === 1;
  const secret = randomBytes(32).toString("base64url");
  const environment = alone ? backing.environment : { ...backing.environment, CARILLON_TOKEN_SECRET: secret };
  const observed = deployment.processes.findIndex((roles) => roles.includes("distributor"));
  const processes: ServerProcess[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(processes.map((each) => each.stop()));
    await backing.drop();
  };
  const start = async (at: number): Promise<void> => {
    const options = [...nodeOptions, ...(at === observed ? extra : [])];
    processes.push(
      await startProcess({
        cli,
        nodeOptions: options,
        directory,
        roles: deployment.processes[at]!,
        environment,
        isEmbedded: deployment.postgres === 0,
      }),
    );
  };
  try {
    await start(0);
    await Promise.all(deployment.processes.slice(1).map((_, at) => start(at + 1)));
    await Promise.all(processes.map(ready));
    const having = (role: Role): ServerProcess[] => processes.filter(({ roles }) => roles.includes(role));
    const directors = having("director");
    if (deployment.kafka) await evenlyHeld(directors);
    return {
      deployment,
      producerPorts: having("receiver").map(({ port }) => port!),
      clientPorts: having("distributor").map(({ port }) => port!),
      apiKey: processes.find(({ apiKey }) => apiKey !== null)!.apiKey!,
      signingKey: processes[0]!.signingKey ?? secret,
      dataDirectory: processes[0]!.dataDirectory,
      backing,
      cpu: () => ({ ours: sum(processes.map((each) => each.cpu())), servers: backing.cpu() }),
      async committed(count) {
        // Without a log between them, what was answered has been committed.
        if (!deployment.kafka) return;
        await until(`${count} notifications are committed`, async () => (await backing.progress()) >= count);
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

const ready = ({ operationsUrl, roles }: ServerProcess): Promise<void> =>
  until(`${roles.join(", ")} ready`, async () => (await fetch(`${operationsUrl}/readyz`)).ok);

/** Leases are spread over the directors: none has more than one part above another. */
const evenlyHeld = (directors: readonly ServerProcess[]): Promise<void> =>
  until("the parts are held evenly", async () => {
    const held = await Promise.all(directors.map((each) => gauge([each], "carillon_parts_held")));
    return Math.min(...held) > 0 && Math.max(...held) - Math.min(...held) <= 1;
  });

/** A metric's values, over all labels and processes together. */
async function gauge(processes: readonly ServerProcess[], name: string): Promise<number> {
  const texts = await Promise.all(
    processes.map(async ({ operationsUrl }) => (await fetch(`${operationsUrl}/metrics`)).text()),
  );
  const values = texts.flatMap((text) =>
    text.split("\n").filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`)),
  );
  return values.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`after ${patienceMs / 1_000} s it is not so: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

function sum(usages: readonly Usage[]): Usage {
  const summed: Record<string, number> = {};
  for (const usage of usages) {
    for (const [name, us] of Object.entries(usage)) summed[name] = (summed[name] ?? 0) + us;
  }
  return summed;
}
