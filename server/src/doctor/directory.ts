/** Of a data directory: who may read it, its keys, and the disk that it is on. Changes nothing. */
import { existsSync, readFileSync, type Stats, statfsSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Finding, warning, well, wrong } from "./finding.ts";

export interface DirectoryOptions {
  readonly directory: string;
  /** Whether the secret for tokens comes from elsewhere. */
  readonly secretIsElsewhere: boolean;
  /** The data are here too, and not in PostgreSQL. */
  readonly holdsData: boolean;
}

const leastSecretBytes = 32;
const leastFreeBytes = 100e6;
const fewFreeBytes = 1e9;

const statOf = (path: string): Stats | null => statSync(path, { throwIfNoEntry: false }) ?? null;
const modeOf = ({ mode }: Stats): string => (mode & 0o777).toString(8).padStart(4, "0");

/** Others than the owner may do something with it. */
const isOpen = ({ mode }: Stats): boolean => process.platform !== "win32" && (mode & 0o077) !== 0;

function examineOwner(directory: string, stat: Stats): Finding {
  const own = process.getuid?.();
  if (own !== undefined && stat.uid !== own && own !== 0) {
    const advice = `run as the user that owns it (${stat.uid}), or chown it`;
    return wrong("directory", `${directory} belongs to another user`, advice);
  }
  return isOpen(stat)
    ? warning("directory", `${directory} is open to other users (${modeOf(stat)})`, `chmod 700 ${directory}`)
    : well("directory", `${directory} is this user's alone`);
}

function examineKey(directory: string, name: "signing.key" | "api.key", isNeeded: boolean): Finding {
  const check = name.replace(".", "-");
  const file = join(directory, name);
  const stat = statOf(file);
  if (stat === null) {
    if (!isNeeded) return well(check, `there is no ${name} here, and none is needed`);
    const advice = `put it back from where your secrets are kept; --replace-missing-keys makes a new one, which signs everybody out`;
    return wrong(check, `${file} is missing`, advice);
  }
  if (isOpen(stat))
    return wrong(check, `${file} can be used by other users (${modeOf(stat)})`, `chmod 600 ${file}`);
  let text: string;
  try {
    text = readFileSync(file, "utf8").trim();
  } catch (error) {
    return wrong(check, `${file} can't be read: ${(error as Error).message}`, "run as the user that owns it");
  }
  return name === "signing.key" && Buffer.byteLength(text) < leastSecretBytes
    ? wrong(
        check,
        `${file} is too short to sign with`,
        "put the right one back from where your secrets are kept",
      )
    : well(check, `${name} is there, and private`);
}

function examineDisk(directory: string): Finding {
  const { bavail, bsize } = statfsSync(directory);
  const freeBytes = bavail * bsize;
  const neededBytes = statOf(join(directory, "carillon.db"))?.size ?? 0;
  const free = `${(freeBytes / 1e9).toFixed(1)} GB are free where ${directory} is`;
  if (freeBytes < leastFreeBytes) return wrong("disk", free, "make room: what can't be kept is refused");
  return freeBytes < fewFreeBytes || freeBytes < neededBytes / 10
    ? warning("disk", free, "make room, or shorten --retention and run `carillon clean`")
    : well("disk", free);
}

export function examineDirectory({ directory, secretIsElsewhere, holdsData }: DirectoryOptions): Finding[] {
  const stat = statOf(directory);
  if (stat === null) {
    return holdsData
      ? [wrong("directory", `there is no ${directory}`, "name the one that is served: --data-directory")]
      : [well("directory", `there is no ${directory}, and none is needed`)];
  }
  if (!stat.isDirectory())
    return [wrong("directory", `${directory} is no directory`, "name another: --data-directory")];
  return [
    examineOwner(directory, stat),
    examineKey(directory, "signing.key", !secretIsElsewhere),
    examineKey(directory, "api.key", false),
    ...(holdsData ? [examineDisk(directory)] : []),
  ];
}

/** Who says that it serves the directory; null when nobody does. */
export function announcedPid(directory: string): number | null {
  const file = join(directory, "serving.json");
  if (!existsSync(file)) return null;
  try {
    const { pid } = JSON.parse(readFileSync(file, "utf8")) as { pid: unknown };
    return typeof pid === "number" ? pid : null;
  } catch {
    return null;
  }
}
