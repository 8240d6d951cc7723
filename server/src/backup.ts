/**
 * `carillon backup` and `carillon restore` without their command lines: a data directory into a folder, while it is
 * served or not, and a folder into a new data directory.
 */
import { copyFileSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ownVersion } from "./announcement.ts";
import { sumOf } from "./backup/files.ts";
import {
  backedUp,
  type Manifest,
  manifestFile,
  mostManifestBytes,
  readManifest,
  writeManifest,
} from "./backup/manifest.ts";
import { systemClock } from "./clock.ts";
import { Failure } from "./errors.ts";
import { beginStage, type Progress } from "./promotion/progress.ts";
import { copyDatabase, dataFile, reviveDatabase } from "./store/sqlite/backup.ts";
import { failureOf, failureValueOf } from "./store/sqlite/failure.ts";
import { makeWholeDirectory } from "./store/sqlite/whole-directory.ts";

export interface BackupOptions {
  readonly dataDirectory: string;
  /** Must be empty, or not there. */
  readonly folder: string;
  /** The keys of the data directory go along. */
  readonly withKeys: boolean;
  tell(progress: Progress): void;
}

export interface BackedUp {
  readonly is: "done";
  readonly folder: string;
  readonly manifest: Manifest;
  /** Keys of the data directory that aren't in the backup. */
  readonly keysLeft: readonly string[];
}

export interface Restored {
  readonly is: "done";
  readonly dataDirectory: string;
  readonly epoch: number;
  readonly manifest: Manifest;
}

/** `locked`: somebody else is at it. */
export interface NotDone {
  readonly is: "refused" | "failed";
  readonly why: string;
}

const keyFiles = backedUp.slice(1);
const bytes = 1_000_000;

async function orWhyNot<T>(work: () => Promise<T>): Promise<T | NotDone> {
  try {
    return await work();
  } catch (error) {
    const { code, message } = failureOf(failureValueOf(error));
    const isRefused = code === "foreign" || code === "unusable" || code === "locked" || code === "corrupt";
    return { is: isRefused ? "refused" : "failed", why: message };
  }
}

/** What is counted in bytes, as megabytes. */
function megabytes(stage: string, sizeBytes: number, tell: BackupOptions["tell"]) {
  let done = 0;
  const began = beginStage(`${stage} MB`, Math.ceil(sizeBytes / bytes), systemClock, tell);
  return {
    add(more: number): void {
      const before = Math.floor(done / bytes);
      done += more;
      began.add(Math.floor(done / bytes) - before);
    },
    done: began.done,
  };
}

export const backUp = (options: BackupOptions): Promise<BackedUp | NotDone> =>
  orWhyNot(async () => {
    const { dataDirectory, folder, withKeys, tell } = options;
    const there = keyFiles.filter((name) => existsSync(join(dataDirectory, name)));
    const manifest = await makeWholeDirectory(folder, (partial) =>
      fillBackup(dataDirectory, partial, withKeys ? there : [], tell),
    );
    return { is: "done", folder, manifest, keysLeft: withKeys ? [] : there };
  });

async function fillBackup(
  from: string,
  to: string,
  keys: readonly (typeof backedUp)[number][],
  tell: BackupOptions["tell"],
): Promise<Manifest> {
  let stage: ReturnType<typeof beginStage> | undefined;
  let copiedPages = 0;
  const copied = await copyDatabase(from, join(to, dataFile), (pages, of) => {
    stage ??= beginStage("copy pages", of, systemClock, tell);
    stage.add(pages - copiedPages);
    copiedPages = pages;
  });
  stage?.done();
  for (const name of keys) copyFileSync(join(from, name), join(to, name));
  const files: Manifest["files"] = [];
  const summing = megabytes("sum up", statSync(join(to, dataFile)).size, tell);
  for (const name of [dataFile, ...keys] as const) {
    files.push({ name, ...(await sumOf(join(to, name), null, summing.add)) });
  }
  summing.done();
  const { epoch, schema, takenAt } = copied;
  const taken = new Date(takenAt).toISOString();
  const manifest: Manifest = {
    carillonBackup: 1,
    version: ownVersion(),
    takenAt: taken,
    epoch,
    schema,
    files,
  };
  writeFileSync(join(to, manifestFile), writeManifest(manifest), { mode: 0o600, flag: "wx" });
  return manifest;
}

function manifestOf(folder: string): Manifest {
  const file = join(folder, manifestFile);
  if (!existsSync(file))
    throw new Failure("foreign", `${folder} is no backup, or an interrupted one: it has no ${manifestFile}`);
  const isSmall = statSync(file).size <= mostManifestBytes;
  const manifest = isSmall ? readManifest(readFileSync(file, "utf8")) : null;
  if (manifest === null) throw new Failure("foreign", `${file} isn't a manifest that this version knows`);
  return manifest;
}

export const restore = ({
  folder,
  dataDirectory,
  tell,
}: Pick<BackupOptions, "folder" | "dataDirectory" | "tell">): Promise<Restored | NotDone> =>
  orWhyNot(async () => {
    const manifest = manifestOf(folder);
    const { epoch } = await makeWholeDirectory(dataDirectory, async (partial) => {
      const allBytes = manifest.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      const copying = megabytes("copy", allBytes, tell);
      for (const { name, sizeBytes, sha256 } of manifest.files) {
        const from = join(folder, name);
        if (!existsSync(from)) throw new Failure("corrupt", `${from} is missing`);
        const sum = await sumOf(from, join(partial, name), copying.add);
        if (sum.sizeBytes !== sizeBytes || sum.sha256 !== sha256)
          throw new Failure("corrupt", `${from} isn't as it was when the backup was made`);
      }
      copying.done();
      const checking = beginStage("check the data", null, systemClock, tell);
      const revived = reviveDatabase(join(partial, dataFile));
      checking.done();
      return revived;
    });
    return { is: "done", dataDirectory, epoch, manifest };
  });
