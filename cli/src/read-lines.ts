/** Notifications from a file of JSON lines, in batches that fit into a request. */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import type { Item } from "./deliver.ts";

export interface ReadLinesOptions {
  /** Adds what a line may leave out. */
  readonly complete: (value: Record<string, unknown>) => Record<string, unknown>;
  /** A line that is no JSON object. */
  readonly broken: (line: number, why: string) => void;
  readonly batchItems: number;
  readonly batchBytes: number;
}

/** A batch is given when it is full, and what is left at the end. */
export async function* readLines(
  input: NodeJS.ReadableStream,
  file: string,
  { complete, broken, batchItems, batchBytes }: ReadLinesOptions,
): AsyncGenerator<readonly Item[]> {
  const lines = createInterface({
    input: file === "-" ? input : createReadStream(file),
    crlfDelay: Number.POSITIVE_INFINITY,
  });
  let batch: Item[] = [];
  let bytes = 0;
  let number = 0;
  for await (const line of lines) {
    number++;
    if (line.trim() === "") continue;
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch (error) {
      broken(number, (error as Error).message);
      continue;
    }
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      broken(number, "not a JSON object");
      continue;
    }
    if (batch.length === batchItems || (batch.length > 0 && bytes + line.length > batchBytes)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push({ line: number, notification: complete(value as Record<string, unknown>) });
    bytes += line.length;
  }
  if (batch.length > 0) yield batch;
}
