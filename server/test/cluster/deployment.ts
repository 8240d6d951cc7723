/** A deployment's processes, each of which can be started, asked to stop, killed, frozen and thawed. */
import { randomBytes } from "node:crypto";
import {
  type AtEnd,
  makeDirectory,
  type ServerProcess,
  type Spawned,
  spawnServer,
} from "../bad-days/server-process.ts";
import type { Backing } from "./backing.ts";
import type { Combination, Role } from "./combinations.ts";

export interface Member {
  readonly name: string;
  readonly roles: readonly Role[];
  /** Null while it doesn't serve. */
  readonly server: ServerProcess | null;
  /** What it wrote to standard error since its last start, the newest last. */
  said(): readonly string[];
  /** How often it ended unasked. It was started again then, as any platform does. */
  ownEnds(): number;
  /** Resolves when it serves; throws with its last words when it ends before. */
  start(options?: StartOptions): Promise<ServerProcess>;
  /** Asks it to end and waits until it has; the status. */
  stop(): Promise<number | null>;
  kill(): Promise<void>;
  freeze(): void;
  thaw(): void;
}

export interface StartOptions {
  readonly flags?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly preload?: string;
}

export interface Deployment {
  readonly members: readonly Member[];
  /** Of the key that was made at the first start. */
  readonly apiKey: string;
  having(role: Role): readonly Member[];
  /** URLs of those with this role that serve now. */
  urls(role: Role): readonly string[];
  /** Whom producers and operators may ask; one at least must serve. */
  front(role?: Role): Pick<ServerProcess, "url" | "apiKey">;
  stop(): Promise<void>;
}

export interface DeployOptions {
  readonly combination: Combination;
  readonly backing: Pick<Backing, "environment">;
  readonly flags?: readonly string[];
  /** What the member of this place starts with, besides. */
  readonly particular?: (at: number) => StartOptions;
  readonly atEnd: AtEnd;
}

/** Everything that a client missed is replayed, and a dead connection is noticed soon. */
const usualFlags = [
  "--replay-rows",
  "100000",
  "--log-level",
  "warn",
  "--heartbeat",
  "2s",
  "--poll-wait",
  "2s",
];

/** Longer than any healthy connection is silent. */
export const silenceMs = 20_000;

const startMs = 90_000;
const tooLate = (): Promise<"too late"> =>
  new Promise((resolve) => setTimeout(resolve, startMs, "too late" as const).unref());

/** Resolves when all serve. */
export async function deploy(options: DeployOptions): Promise<Deployment> {
  const { combination, backing, flags = [], particular = () => ({}), atEnd } = options;
  const secret = randomBytes(24).toString("hex");
  const members = combination.processes.map((roles, at) =>
    makeMember({
      name: `process ${at + 1} (${roles.join(", ")})`,
      roles,
      flags: [...usualFlags, ...(combination.stores > 0 ? ["--roles", roles.join()] : []), ...flags],
      environment: { ...backing.environment, CARILLON_TOKEN_SECRET: secret },
      particular: particular(at),
      atEnd,
    }),
  );
  const servers = await Promise.all(members.map((member) => member.start()));
  const apiKey = servers.map((server) => server.apiKey).find((key) => key !== "");
  if (apiKey === undefined) throw new Error("nobody made the first API key");
  const having = (role: Role): readonly Member[] => members.filter(({ roles }) => roles.includes(role));
  const urls = (role: Role): readonly string[] =>
    having(role).flatMap(({ server }) => (server === null ? [] : [server.url]));
  return {
    members,
    apiKey,
    having,
    urls,
    front(role = "receiver") {
      const [url] = urls(role);
      if (url === undefined) throw new Error(`no ${role} serves`);
      return { url, apiKey };
    },
    async stop() {
      await Promise.all(members.map((member) => member.stop()));
    },
  };
}

interface MemberOptions {
  readonly name: string;
  readonly roles: readonly Role[];
  readonly flags: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly particular: StartOptions;
  readonly atEnd: AtEnd;
}

function makeMember(options: MemberOptions): Member {
  const { name, roles, particular, atEnd } = options;
  const directory = makeDirectory(atEnd);
  let spawned: Spawned | null = null;
  let server: ServerProcess | null = null;

  let asked = false;
  let ownEnds = 0;

  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    server = null;
    asked = true;
    if (spawned === null) return null;
    spawned.child.kill("SIGCONT");
    spawned.child.kill(signal);
    const { code } = await spawned.exit;
    return code;
  };

  async function start(more: StartOptions = {}): Promise<ServerProcess> {
    asked = false;
    const preload = more.preload ?? particular.preload;
    const mine = spawnServer({
      directory,
      flags: [...options.flags, ...(particular.flags ?? []), ...(more.flags ?? [])],
      environment: { ...options.environment, ...particular.environment, ...more.environment },
      ...(preload === undefined ? {} : { preload }),
      atEnd: (run) =>
        atEnd(() => {
          asked = true;
          return run();
        }),
    });
    spawned = mine;
    const serving = await Promise.race([mine.serving, tooLate()]);
    if (serving === "too late") {
      throw new Error(`${name} doesn't serve after ${startMs / 1_000} s: ${mine.said.join("\n")}`);
    }
    if (serving === null) {
      throw new Error(`${name} ended with ${(await mine.exit).code}: ${mine.said.join("\n")}`);
    }
    server = serving;
    void mine.exit.then(() => {
      if (asked || spawned !== mine) return;
      server = null;
      ownEnds++;
      start(more).catch(() => {});
    });
    return serving;
  }

  return {
    name,
    roles,
    get server() {
      return server;
    },
    said: () => spawned?.said ?? [],
    ownEnds: () => ownEnds,
    start,
    stop: () => end("SIGTERM"),
    async kill() {
      await end("SIGKILL");
    },
    freeze: () => void spawned?.child.kill("SIGSTOP"),
    thaw: () => void spawned?.child.kill("SIGCONT"),
  };
}
