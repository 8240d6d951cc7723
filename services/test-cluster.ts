// `npm run test:cluster`: the tests that need real services. Brings up what isn't, and takes that down again.
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { answers, blockFrom, catalog, described, type Service, usual } from "./catalog.ts";
import { message, start } from "./start.ts";

const checkout = fileURLToPath(new URL("..", import.meta.url));

async function main(): Promise<number> {
  if (process.env["SERVICES"] !== undefined) return await vitest(process.env["SERVICES"]);
  const all = catalog(blockFrom(undefined));
  const wanted = all.filter(({ name }) => usual.includes(name));
  const up = await Promise.all(wanted.map(answers));
  const absent = wanted.filter((_, at) => !up[at]);
  try {
    await start(absent, console.log);
    return await vitest(JSON.stringify(await described(all)));
  } finally {
    await stop(absent);
  }
}

async function stop(services: readonly Service[]): Promise<void> {
  await Promise.all(services.flatMap(({ servers }) => servers.map((server) => server.stop())));
}

async function vitest(services: string): Promise<number> {
  const found = dirname(createRequire(import.meta.url).resolve("vitest/package.json"));
  const own = ["run", "--config", "vitest.cluster.config.ts", ...process.argv.slice(2)];
  const child = spawn(process.execPath, [join(found, "vitest.mjs"), ...own], {
    cwd: checkout,
    env: { ...process.env, SERVICES: services },
    stdio: "inherit",
  });
  // A terminal's Ctrl-C reaches vitest by itself; this process stays to take the services down.
  const forward = (name: NodeJS.Signals) => child.kill(name);
  const ignore = () => {};
  process.on("SIGINT", ignore).on("SIGTERM", forward);
  return await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? 1));
  });
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(message(error));
  process.exitCode = 1;
}
