/**
 * Which server is meant, and with which credentials.
 *
 * The address: `--url`, CARILLON_URL, else where the server of the data directory says that it serves, else the
 * usual one. The credentials: `--key` or `--token`, CARILLON_KEY or CARILLON_TOKEN, else `api.key` of the data
 * directory.
 */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Flags, type Surroundings, UsageError } from "./verb.ts";

const usualUrl = "http://127.0.0.1:7700";
export const usualOperationsUrl = "http://127.0.0.1:7701";
const usualDataDirectory = "carillon-data";

export const targetFlags = {
  url: {
    type: "string",
    value: "URL",
    doc: `The server; CARILLON_URL, else what the data directory tells, else ${usualUrl}.`,
  },
  key: {
    type: "string",
    value: "KEY",
    doc: "The API key; CARILLON_KEY, else api.key of the data directory. Prefer those: a flag shows in the list of processes.",
  },
  "data-directory": {
    type: "string",
    value: "DIRECTORY",
    doc: `The data directory of a server on this machine; CARILLON_DATA_DIRECTORY, else ${usualDataDirectory}.`,
  },
} as const satisfies Flags;

export interface TargetGiven {
  readonly url?: string;
  readonly key?: string;
  readonly "data-directory"?: string;
}

export interface Target {
  readonly url: string;
  /** Null where none was found. */
  readonly key: string | null;
}

export const dataDirectoryOf = (
  given: Pick<TargetGiven, "data-directory">,
  { env, cwd }: Pick<Surroundings, "env" | "cwd">,
): string => resolve(cwd, given["data-directory"] ?? env["CARILLON_DATA_DIRECTORY"] ?? usualDataDirectory);

/** `usual`: where it is looked for when nothing says where it is. */
export function findTarget(given: TargetGiven, world: Surroundings, usual = usualUrl): Target {
  const { env } = world;
  const directory = dataDirectoryOf(given, world);
  return {
    url: baseUrl(given.url ?? env["CARILLON_URL"] ?? servingFile(directory).url ?? usual),
    key: given.key ?? env["CARILLON_KEY"] ?? readIfThere(join(directory, "api.key"))?.trim() ?? null,
  };
}

export function baseUrl(url: string): string {
  const parsed = URL.parse(url);
  if (parsed === null || !/^https?:$/.test(parsed.protocol))
    throw new UsageError(`${url} is not an http: or https: URL`);
  return url.replace(/\/+$/, "");
}

export function keyOf(target: Target): string {
  if (target.key !== null) return target.key;
  throw new UsageError(
    "no API key: give --key, set CARILLON_KEY, or name the --data-directory of a server whose api.key is still there",
  );
}

interface ServingFile {
  readonly url?: string;
  readonly operationsUrl?: string;
}

function servingFile(directory: string): ServingFile {
  const text = readIfThere(join(directory, "serving.json"));
  if (text === undefined) return {};
  try {
    return JSON.parse(text) as ServingFile;
  } catch {
    return {};
  }
}

/** Where the server of a data directory says that its operations listener is; null when none says so. */
export const operationsUrlOf = (directory: string): string | null =>
  servingFile(directory).operationsUrl ?? null;

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    if (code === "EACCES")
      throw new UsageError(`${file} can't be read by this user; give --key, or set CARILLON_KEY`, {
        cause: error,
      });
    throw error;
  }
}
