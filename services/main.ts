import { rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { blockFrom, catalog, described, forgetBlock, keepBlock, type Service, usual } from "./catalog.ts";
import { place } from "./place.ts";
import { message, start } from "./start.ts";

const help = `npm run services -- <verb> [name...]

  up       starts them, installs what is missing, waits until each answers
  down     stops them; with --delete, removes their data as well
  status   says which answer; exit code 1 if one of them doesn't
  env      prints where they are, as JSON for SERVICES

names: ${catalog(0)
  .map(({ name }) => name)
  .join(", ")}
up without a name is ${usual.join(", ")}; the other verbs mean whatever was started.

  --ports-from N   where the block of ports begins (or SERVICES_PORTS); up remembers it
  SERVICES_DIR     where data, logs and programs are kept, .services if not set
`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      "ports-from": { type: "string" },
      delete: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const [verb, ...names] = positionals;
  const verbs = ["up", "down", "status", "env"];
  if (values.help || verb === undefined || !verbs.includes(verb)) {
    process.stdout.write(help);
    return values.help ? 0 : 2;
  }
  const from = blockFrom(values["ports-from"]);
  const all = catalog(from);
  const unknown = names.filter((name) => !all.some((each) => each.name === name));
  if (unknown.length > 0) throw new Error(`there is no service ${unknown.join(", ")}`);
  const named = (otherwise: (service: Service) => boolean) =>
    all.filter((service) => (names.length > 0 ? names.includes(service.name) : otherwise(service)));
  if (verb === "up") {
    const asked = named(({ name }) => usual.includes(name));
    const wanted = all.filter(
      (each) => asked.includes(each) || asked.some(({ needs }) => needs.includes(each.name)),
    );
    await start(wanted, console.log);
    keepBlock(from);
    return 0;
  }
  if (verb === "down") {
    if (values.delete && names.length === 0) forgetBlock();
    return await down(
      named(() => true),
      values.delete,
    );
  }
  if (verb === "status")
    return await status(named(({ name, servers }) => usual.includes(name) || runs(servers)));
  process.stdout.write(`${JSON.stringify(await described(named(() => true)))}\n`);
  return 0;
}

function runs(servers: Service["servers"]): boolean {
  return servers.some((server) => server.pid() !== null);
}

async function down(services: readonly Service[], remove: boolean): Promise<number> {
  await Promise.all(services.flatMap(({ servers }) => servers.map((server) => server.stop())));
  if (remove) for (const { name } of services) rmSync(join(place(), name), { recursive: true, force: true });
  return 0;
}

async function status(services: readonly Service[]): Promise<number> {
  const servers = services.flatMap((service) => service.servers);
  const answers = await Promise.all(
    servers.map(async (each) => each.pid() !== null && (await each.answers())),
  );
  servers.forEach((server, at) => {
    const pid = server.pid();
    const state = pid === null ? "down" : answers[at] ? `up, process ${pid}` : `silent, process ${pid}`;
    console.log(`${server.name.padEnd(10)} ${server.url.padEnd(52)} ${state}`);
  });
  return answers.every(Boolean) ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(message(error));
  process.exitCode = 1;
}
