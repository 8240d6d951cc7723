/** Programs that others wrote, where this machine has them. */
import { spawnSync } from "node:child_process";

const runs = (command: string, args: readonly string[]): boolean =>
  spawnSync(command, args, { stdio: "ignore" }).status === 0;

export type Found = { readonly command: string } | { readonly missing: string };

export const findCurl = (): Found =>
  runs("curl", ["--version"]) ? { command: "curl" } : { missing: "there is no curl here" };

/** PEERS_PYTHON, else python3, where it has the module. */
export function findPython(module: string): Found {
  const named = process.env["PEERS_PYTHON"];
  const command = named ?? "python3";
  if (runs(command, ["-c", `import ${module}`])) return { command };
  const where = named === undefined ? "python3" : "PEERS_PYTHON";
  return { missing: `${where} has no module ${module}; .ci/peers.txt says which version to install` };
}
