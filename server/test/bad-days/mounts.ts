/** Disks of the test's own: small ones, and ones that can't be written. Only root may mount. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

const run = (command: string, ...args: readonly string[]): boolean =>
  spawnSync(command, args, { stdio: "ignore" }).status === 0;

/** Null where disks can be mounted here, else why not. */
export const noMounts: string | null = (() => {
  if (process.platform !== "linux") return "mounting a disk is written for Linux";
  if (process.getuid?.() !== 0) return "mounting a disk takes root";
  const directory = mkdtempSync(join(tmpdir(), "carillon-mount-"));
  const works = run("mount", "-t", "tmpfs", "tmpfs", directory) && run("umount", directory);
  rmSync(directory, { recursive: true });
  return works ? null : "this place doesn't let anybody mount a disk";
})();

function mounted(point: string, ...args: readonly string[]): void {
  if (!run("mount", ...args, point)) throw new Error(`mount ${args.join(" ")} ${point} failed`);
}

/** Makes an empty directory a disk of so many bytes. */
export function mountSmallDisk(point: string, sizeBytes: number): void {
  mounted(point, "-t", "tmpfs", "-o", `size=${sizeBytes}`, "tmpfs");
  onTestFinished(() => void run("umount", "-l", point));
}

/** Makes a directory or a file one that nobody can write, until the test ends. */
export function mountReadOnly(point: string): void {
  mounted(point, "--bind", point);
  onTestFinished(() => void run("umount", "-l", point));
  mounted(point, "-o", "remount,bind,ro");
}
