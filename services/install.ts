import { type ExecFileSyncOptions, execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { findBinary, findPostgres } from "./find.ts";
import { kafkaJars, kafkaJarsFolder } from "./kafka-jars.ts";

export type Kind = "postgres" | "pgbouncer" | "redis" | "kafka";

interface Program {
  readonly is: string;
  readonly needed: (kinds: ReadonlySet<Kind>) => boolean;
  readonly found: () => string | null;
  readonly debian: string;
  readonly homebrew: string;
}

const programs: readonly Program[] = [
  {
    is: "PostgreSQL",
    needed: (kinds) => kinds.has("postgres") || kinds.has("pgbouncer"),
    found: findPostgres,
    debian: "postgresql",
    homebrew: "postgresql@17",
  },
  {
    is: "PgBouncer",
    needed: (kinds) => kinds.has("pgbouncer"),
    found: () => findBinary("pgbouncer"),
    debian: "pgbouncer",
    homebrew: "pgbouncer",
  },
  {
    is: "Redis or Valkey",
    needed: (kinds) => kinds.has("redis"),
    found: () => findBinary("redis-server", "valkey-server"),
    debian: "redis-server",
    homebrew: "redis",
  },
  {
    is: "Java 17 or newer",
    needed: (kinds) => kinds.has("kafka"),
    found: () => findBinary("java"),
    debian: "default-jre-headless",
    homebrew: "openjdk",
  },
  {
    is: "Maven",
    needed: (kinds) => kinds.has("kafka") && !existsSync(kafkaJarsFolder()),
    found: () => findBinary("mvn"),
    debian: "maven",
    homebrew: "maven",
  },
];

/** Brings what these services need and the machine lacks, or throws with what to install and how. */
export async function install(kinds: ReadonlySet<Kind>, say: (line: string) => void): Promise<void> {
  const lacking = programs.filter((program) => program.needed(kinds) && program.found() === null);
  if (lacking.length > 0) {
    if (process.platform !== "linux" || process.getuid?.() !== 0 || findBinary("apt-get") === null) {
      throw new Error(advice(lacking, process.platform));
    }
    say(`installing ${lacking.map(({ is }) => is).join(", ")} with apt-get`);
    aptGet(lacking.map(({ debian }) => debian));
  }
  if (kinds.has("kafka") && !existsSync(kafkaJarsFolder())) {
    say("bringing Kafka from Maven Central");
    await kafkaJars();
  }
}

export function advice(
  lacking: readonly Pick<Program, "is" | "debian" | "homebrew">[],
  platform: string,
): string {
  const names = lacking.map(({ is }) => is).join(", ");
  if (platform === "darwin") {
    return `missing: ${names}. Install with: brew install ${lacking.map(({ homebrew }) => homebrew).join(" ")}
then put their folders on PATH (brew --prefix <name> says where)`;
  }
  if (platform === "linux") {
    return `missing: ${names}. Install as root, on Debian or Ubuntu with:
  apt-get install --no-install-recommends ${lacking.map(({ debian }) => debian).join(" ")}`;
  }
  return `missing: ${names}. Install them, or use deploy/compose/compose.yaml with Docker`;
}

/** What Debian's packages start by themselves, on their usual ports. */
const units = ["postgresql", "pgbouncer", "redis-server"];

function aptGet(packages: readonly string[]): void {
  const before = units.filter(active);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const options: ExecFileSyncOptions = { env, stdio: ["ignore", "pipe", "pipe"], maxBuffer: 1 << 26 };
  try {
    execFileSync("apt-get", ["update", "--quiet"], options);
    execFileSync("apt-get", ["install", "--yes", "--quiet", "--no-install-recommends", ...packages], options);
  } catch (cause) {
    const said = cause instanceof Error && "stderr" in cause ? `\n${String(cause.stderr).trimEnd()}` : "";
    throw new Error(`apt-get could not install ${packages.join(", ")}${said}`, { cause });
  }
  for (const unit of units) {
    if (!before.includes(unit) && active(unit))
      execFileSync("systemctl", ["disable", "--now", "--quiet", unit]);
  }
}

function active(unit: string): boolean {
  if (!existsSync("/run/systemd/system")) return false;
  return spawnSync("systemctl", ["is-active", "--quiet", unit]).status === 0;
}
