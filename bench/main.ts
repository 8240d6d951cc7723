/**
 * The load shapes and their bars, on every deployment that they are for:
 *
 *   npm run bench -- [shape ...] [--on <deployment> ...] [--record] [--against <launcher of another checkout>]
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { makeBackends } from "./backends.ts";
import { pinLoad } from "./cpu.ts";
import { type Deployment, embedded, kinds, scaled } from "./deployments.ts";
import { median } from "./measure.ts";
import { type Running, startRunning } from "./running.ts";
import type { Result, Shape } from "./shape.ts";
import { accept } from "./shapes/accept.ts";
import { bare } from "./shapes/bare.ts";
import { disk } from "./shapes/disk.ts";
import { fanOut } from "./shapes/fan-out.ts";
import { idle } from "./shapes/idle.ts";
import { latency } from "./shapes/latency.ts";
import { manyStreams } from "./shapes/many-streams.ts";
import { memory } from "./shapes/memory.ts";
import { reconnect, storm } from "./shapes/storm.ts";
import { unique } from "./shapes/unique.ts";
import { isMet, type Line, show, sideBySide, table } from "./table.ts";

const shapes: readonly Shape[] = [
  bare,
  accept,
  unique,
  fanOut,
  latency,
  storm,
  reconnect,
  memory,
  idle,
  disk,
  manyStreams,
];
const deployments: readonly Deployment[] = [...kinds, ...scaled];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    on: { type: "string", multiple: true, default: [] },
    record: { type: "boolean", default: false },
    cli: { type: "string", default: fileURLToPath(new URL("../cli/bin/carillon.js", import.meta.url)) },
    against: { type: "string" },
    rounds: { type: "string", default: "3" },
    directory: { type: "string", default: tmpdir() },
    "node-option": { type: "string", multiple: true, default: [] },
  },
});

interface Trial {
  readonly shape: Shape;
  readonly on: Deployment;
}

const wanted = values.on.length > 0 ? values.on : values.against === undefined ? null : [embedded.name];
const trials: readonly Trial[] = shapes
  .filter(({ name }) => positionals.length === 0 || positionals.some((word) => name.includes(word)))
  .flatMap((shape) => shape.on.map((on) => ({ shape, on })))
  .filter(({ on }) => wanted === null || wanted.includes(on.name));
if (trials.length === 0 || wanted?.some((name) => !deployments.some((each) => each.name === name))) {
  const names = (some: readonly { readonly name: string }[]): string =>
    some.map(({ name }) => name).join("; ");
  process.stderr.write(
    `there is no such thing.\nShapes: ${names(shapes)}\nDeployments: ${names(deployments)}\n`,
  );
  process.exit(2);
}
pinLoad();
const backends = makeBackends(values.directory);
const running = new Set<Running>();
for (const signal of ["SIGINT", "SIGTERM"])
  process.once(signal, () => void stopAll().then(() => process.exit(1)));
// Thrown where nobody waits; what was started must not be left running all the same.
process.once("uncaughtException", (error) => {
  process.stderr.write(`${error.stack}\n`);
  void stopAll().finally(() => process.exit(1));
});

async function stopAll(): Promise<void> {
  await Promise.all(Array.from(running, (one) => one.stop()));
  await backends.stop();
}

async function runTrial({ shape, on }: Trial, cli: string): Promise<Result> {
  const { directory } = values;
  const mine: Running[] = [];
  const start = async (extra: readonly string[] = []): Promise<Running> => {
    const options = { deployment: on, cli, directory, nodeOptions: values["node-option"] };
    const one = await startRunning(options, backends, extra);
    mine.push(one);
    running.add(one);
    return one;
  };
  const stop = async (one: Running): Promise<void> => {
    running.delete(one);
    await one.stop();
  };
  const result = await shape.run(start, on).finally(() => Promise.all(mine.map(stop)));
  const { audit } = result;
  if (audit !== null && audit.lost + audit.repeated + audit.wrong > 0) {
    throw new Error(`${shape.name} on ${on.name}: ${JSON.stringify(audit)}`);
  }
  return result;
}

async function runAll(): Promise<void> {
  const lines: Line[] = [];
  const [others] = loadavg();
  process.stdout.write(`${describeMachine()}; load average ${others!.toFixed(1)} before\n`);
  for (const trial of trials) {
    const { figures, audit } = await runTrial(trial, values.cli);
    const some = figures.map((figure) => ({ shape: trial.shape.name, on: trial.on.name, figure }));
    process.stdout.write(table(some));
    if (audit !== null) {
      const { notifications, deliveries, lost, repeated, wrong } = audit;
      const numbers = `${notifications} sent, ${deliveries} delivered; ${lost} lost, ${repeated} repeated, ${wrong} wrong`;
      process.stdout.write(`    audit: ${numbers}\n`);
    }
    lines.push(...some);
  }
  process.stdout.write(`\n${sideBySide(lines)}`);
  if (values.record) record(lines);
}

const describeMachine = (): string =>
  `${cpus().length} cores of ${cpus()[0]?.model}, Linux ${release()}, Node ${process.version}`;

function record(lines: readonly Line[]): void {
  const at = new Date().toISOString();
  const directory = fileURLToPath(new URL("./results/", import.meta.url));
  const figures = lines.map(({ shape, on, figure }) => ({ shape, on, ...figure, met: isMet(figure) }));
  mkdirSync(directory, { recursive: true });
  const file = join(directory, `${at.slice(0, 16).replace(":", "")}.json`);
  writeFileSync(file, `${JSON.stringify({ at, machine: describeMachine(), figures }, null, 2)}\n`);
  process.stdout.write(`recorded in ${file}\n`);
}

/** Both at once, slice by slice, so that what else the machine does falls on both alike. CPU a unit is what counts. */
async function compare(other: string): Promise<void> {
  for (const trial of trials) {
    const rounds: (readonly [Result, Result])[] = [];
    for (let round = 0; round < Number(values.rounds); round++) {
      rounds.push(await Promise.all([runTrial(trial, values.cli), runTrial(trial, other)]));
    }
    rounds[0]![0].figures.forEach(({ name, unit }, at) => {
      const pairs = rounds.map(
        ([here, there]) => [here.figures[at]!.value, there.figures[at]!.value] as const,
      );
      const ratios = pairs.map(([here, there]) => here / there);
      process.stdout.write(
        `${trial.shape.name} on ${trial.on.name}: ${name}: ${show(median(pairs.map(([here]) => here)))} ${unit} ` +
          `against ${show(median(pairs.map(([, there]) => there)))}, ratio ${median(ratios).toFixed(3)} ` +
          `(${ratios.map((ratio) => ratio.toFixed(2)).join(", ")})\n`,
      );
    });
  }
}

try {
  await (values.against === undefined ? runAll() : compare(values.against));
} finally {
  await stopAll();
}
process.exit(0);
