/**
 * The store: four ports over one backend, and what is the same for all of them.
 */
import type { Failure } from "../errors.ts";
import type { AccessDriver } from "./access.ts";
import type { DirectoryDriver } from "./directory.ts";
import type { PositionsDriver } from "./positions.ts";
import type { StreamsDriver } from "./streams.ts";

export interface StoreBackend {
  readonly streams: StreamsDriver;
  readonly directory: DirectoryDriver;
  readonly positions: PositionsDriver;
  readonly access: AccessDriver;
  /** Resolves, if ever, when the backend can't be brought back: the process had better end, non-zero. */
  readonly failed: Promise<Failure>;
  /** Finishes what is queued and closes; may be called twice. Calls made later reject with `stopped`. */
  stop(): Promise<void>;
}
