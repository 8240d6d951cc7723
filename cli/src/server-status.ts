/** How a server is: what its operations listener tells of its work and its readiness. */
import { causeOf, UnreachableError } from "./api.ts";
import type { Exit } from "./exit-codes.ts";
import type { Surroundings } from "./verb.ts";

interface ServerStatus {
  readonly ready: boolean;
  readonly checks: Readonly<Record<string, string>>;
  readonly version: string | null;
  /** RFC 3339. */
  readonly since: string | null;
  readonly sessions: Readonly<Record<string, number>>;
  /** Of this process, since it started. */
  readonly counts: Readonly<Record<string, number>>;
}

const timeoutMs = 5_000;
const counted = ["accepted", "duplicates", "conflicts", "stored", "pushed"] as const;

/** Done when it is ready; "unreachable" when it isn't, or doesn't answer. */
export async function tellServer(operationsUrl: string, json: boolean, world: Surroundings): Promise<Exit> {
  const [readyz, metrics] = await Promise.all([
    read(operationsUrl, "readyz"),
    read(operationsUrl, "metrics"),
  ]);
  const status = statusOf(readyz, metrics);
  world.out(json ? `${JSON.stringify(status)}\n` : `${textOf(status, operationsUrl)}\n`);
  return status.ready ? "done" : "unreachable";
}

async function read(operationsUrl: string, page: string): Promise<string> {
  try {
    const response = await fetch(`${operationsUrl}/${page}`, {
      signal: AbortSignal.timeout(timeoutMs),
      redirect: "error",
    });
    return await response.text();
  } catch (error) {
    throw new UnreachableError(`${operationsUrl} can't be reached: ${causeOf(error)}`, { cause: error });
  }
}

function statusOf(readyz: string, metrics: string): ServerStatus {
  const { ready, checks } = JSON.parse(readyz) as Pick<ServerStatus, "ready" | "checks">;
  const samples = [...metrics.matchAll(/^(\w+)(?:\{\w+="([^"]*)"\})? (\S+)$/gm)].map(
    ([, name, label = "", value]) => ({ name, label, value: Number(value) }),
  );
  const one = (name: string) => samples.find((sample) => sample.name === name);
  const startedAt = one("process_start_time_seconds")?.value;
  return {
    ready,
    checks,
    version: one("carillon_info")?.label ?? null,
    since: startedAt === undefined ? null : new Date(startedAt * 1_000).toISOString(),
    sessions: Object.fromEntries(
      samples
        .filter(({ name }) => name === "carillon_sessions")
        .map(({ label, value }) => [label, value] as const),
    ),
    counts: Object.fromEntries(
      counted.flatMap((what) => {
        const sample = one(`carillon_${what}_total`);
        return sample === undefined ? [] : [[what, sample.value] as const];
      }),
    ),
  };
}

function textOf(
  { ready, checks, version, since, sessions, counts }: ServerStatus,
  operationsUrl: string,
): string {
  const number = (value: number): string => value.toLocaleString("en");
  const rows: [string, string][] = [
    ...Object.entries(checks),
    [
      "sessions",
      Object.entries(sessions)
        .map(([of, many]) => `${number(many)} ${of}`)
        .join(", "),
    ],
    ...Object.entries(counts).map(([what, many]): [string, string] => [what, number(many)]),
  ];
  const wide = Math.max(...rows.map(([name]) => name.length));
  return [
    `Carillon ${version} is ${ready ? "ready" : "not ready"} (${operationsUrl}, since ${since})`,
    ...rows.filter(([, text]) => text !== "").map(([name, text]) => `  ${name.padEnd(wide)}  ${text}`),
  ].join("\n");
}
