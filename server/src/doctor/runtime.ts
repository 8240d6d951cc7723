/** Of this process's own surroundings. */
import { type Finding, warning, well } from "./finding.ts";

const meantMajor = 26;

export function examineNode(version: string): Finding {
  const major = Number(/^v?(\d+)\./.exec(version)?.[1] ?? 0);
  return major < meantMajor
    ? warning("node", `this is Node ${version}`, `use Node ${meantMajor}, which comes with npm ci`)
    : well("node", `this is Node ${version}`);
}
