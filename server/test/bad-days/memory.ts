/** A process's memory as Linux counts it. */
import { readFileSync, writeFileSync } from "node:fs";

/** Null where it can be read, else why not. */
export const noMemoryFigures: string | null =
  process.platform === "linux" ? null : "a process's peak of memory is read from /proc";

const kibibytes = (pid: number, name: string): number => {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]);
};

/** Resident now, in bytes. The peak starts anew from here. */
export function startOfPeak(pid: number): number {
  // 5 resets the peak: https://docs.kernel.org/filesystems/proc.html
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
  return kibibytes(pid, "VmRSS") * 1_024;
}

/** The most that was resident since, in bytes. */
export const peakSince = (pid: number): number => kibibytes(pid, "VmHWM") * 1_024;
