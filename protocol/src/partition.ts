/**
 * Which part a stream belongs to. Our own, so that no library's default or upgrade ever moves a stream; fixed
 * for ever, as is the number of parts of an installation. Vectors in `vectors/streams.json`.
 */
import { murmur3 } from "./hash.ts";
import type { StreamName } from "./stream.ts";

/** 0 to `parts` - 1: MurmurHash3 (x86, 32 bit, seed 0) of the name, modulo the number of parts. */
export const partOf = (stream: StreamName, parts: number): number => murmur3(stream, 0) % parts;
