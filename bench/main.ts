/**
 * The load shapes and their bars:
 *
 *   npm run bench -- [name ...] [--record] [--against <launcher of another checkout>]
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { pinLoad } from "./cpu.ts";
import { median } from "./measure.ts";
import { type Server, type ServerOptions, startServer } from "./server-process.ts";
import type { Figure, Result, Shape } from "./shape.ts";
import { accept } from "./shapes/accept.ts";
import { bare } from "./shapes/bare.ts";
import { fanOut } from "./shapes/fan-out.ts";
import { latency } from "./shapes/latency.ts";
import { manyStreams } from "./shapes/many-streams.ts";
import { memory } from "./shapes/memory.ts";
import { storm } from "./shapes/storm.ts";
import { unique } from "./shapes/unique.ts";
import { isMet, type Line, show, table } from "./table.ts";

const shapes: readonly Shape[] = [bare, accept, unique, fanOut, latency, storm, memory, manyStreams];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    record: { type: "boolean", default: false },
    cli: { type: "string", default: fileURLToPath(new URL("../cli/bin/carillon.js", import.meta.url)) },
    against: { type: "string" },
    rounds: { type: "string", default: "3" },
    directory: { type: "string", default: tmpdir() },
    "node-option": { type: "string", multiple: true, default: [] },
  },
});

const chosen = shapes.filter(
  ({ name }) => positionals.length === 0 || positionals.some((wanted) => name.includes(wanted)),
);
if (chosen.length === 0) {
  process.stderr.write(`no such shape; there are ${shapes.map(({ name }) => name).join(", ")}\n`);
  process.exit(2);
}
pinLoad();

const options = (cli: string, nodeOptions: readonly string[]): ServerOptions => ({
  cli,
  nodeOptions: [...values["node-option"], ...nodeOptions],
  directory: values.directory,
});

async function runShape(shape: Shape, cli: string): Promise<Result> {
  const servers: Server[] = [];
  const start = async (nodeOptions: readonly string[] = []): Promise<Server> => {
    const server = await startServer(options(cli, nodeOptions));
    servers.push(server);
    return server;
  };
  const result = await shape.run(start).finally(() => Promise.all(servers.map((server) => server.stop())));
  const { audit } = result;
  if (audit !== null && audit.lost + audit.repeated + audit.wrong > 0) {
    throw new Error(`${shape.name}: ${JSON.stringify(audit)}`);
  }
  return result;
}

async function runAll(): Promise<void> {
  const lines: Line[] = [];
  const [others] = loadavg();
  process.stdout.write(`${describeMachine()}; load average ${others!.toFixed(1)} before\n`);
  for (const shape of chosen) {
    const { figures, audit } = await runShape(shape, values.cli);
    const some = figures.map((figure) => ({ shape: shape.name, figure }));
    process.stdout.write(table(some));
    if (audit !== null) {
      const { notifications, deliveries, lost, repeated, wrong } = audit;
      process.stdout.write(
        `  audit: ${show(notifications)} sent, ${show(deliveries)} delivered; ${lost} lost, ${repeated} repeated, ${wrong} wrong\n`,
      );
    }
    lines.push(...some);
  }
  if (values.record) record(lines);
}

const describeMachine = (): string =>
  `${cpus().length} cores of ${cpus()[0]?.model}, Linux ${release()}, Node ${process.version}`;

function record(lines: readonly Line[]): void {
  const at = new Date().toISOString();
  const directory = fileURLToPath(new URL("./results/", import.meta.url));
  const figures = lines.map(({ shape, figure }) => ({ shape, ...figure, met: isMet(figure) }));
  mkdirSync(directory, { recursive: true });
  const file = join(directory, `${at.slice(0, 16).replace(":", "")}.json`);
  writeFileSync(file, `${JSON.stringify({ at, machine: describeMachine(), figures }, null, 2)}\n`);
  process.stdout.write(`recorded in ${file}\n`);
}

/** Both at once, slice by slice, so that what else the machine does falls on both alike. CPU a unit is what counts. */
async function compare(other: string): Promise<void> {
  for (const shape of chosen) {
    const rounds: (readonly [readonly Figure[], readonly Figure[]])[] = [];
    for (let round = 0; round < Number(values.rounds); round++) {
      const both = await Promise.all([runShape(shape, values.cli), runShape(shape, other)]);
      rounds.push([both[0].figures, both[1].figures]);
    }
    rounds[0]![0].forEach(({ name, unit }, at) => {
      const ratios = rounds.map(([here, there]) => here[at]!.value / there[at]!.value);
      const here = median(rounds.map((round) => round[0][at]!.value));
      const there = median(rounds.map((round) => round[1][at]!.value));
      process.stdout.write(
        `${shape.name}: ${name}: ${show(here)} ${unit} against ${show(there)}, ratio ${median(ratios).toFixed(3)} ` +
          `(${ratios.map((ratio) => ratio.toFixed(2)).join(", ")})\n`,
      );
    });
  }
}

await (values.against === undefined ? runAll() : compare(values.against));
process.exit(0);
