import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";

interface Sum {
  readonly sizeBytes: number;
  readonly sha256: string;
}

const chunkBytes = 1 << 20;

/** Size and checksum of a file; of a copy of it where `to` is given, which only its owner can read. */
export async function sumOf(file: string, to: string | null, told: (bytes: number) => void): Promise<Sum> {
  const hash = createHash("sha256");
  let sizeBytes = 0;
  const take = (chunk: Buffer): void => {
    hash.update(chunk);
    sizeBytes += chunk.length;
    told(chunk.length);
  };
  const source = createReadStream(file, { highWaterMark: chunkBytes });
  if (to === null) for await (const chunk of source) take(chunk);
  else {
    const through = new Transform({
      transform(chunk: Buffer, _, done) {
        take(chunk);
        done(null, chunk);
      },
    });
    await pipeline(source, through, createWriteStream(to, { mode: 0o600, flags: "wx" }));
  }
  return { sizeBytes, sha256: hash.digest("hex") };
}
