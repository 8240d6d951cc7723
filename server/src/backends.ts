/**
 * What stands behind the ports, as the configuration has it: the only file that names backends. A backend's client is
 * loaded when its backend is chosen.
 */

import type { BusDriver } from "./bus/driver.ts";
import { makeLocalBus } from "./bus/local.ts";
import type { Clock } from "./clock.ts";
import type { Config } from "./config/options.ts";
import type { Failure } from "./errors.ts";
import type { LogDriver } from "./log/driver.ts";
import { makeInlineLog } from "./log/inline.ts";
import { openSqlite } from "./store/sqlite/open.ts";
import type { StoreBackend } from "./store/store.ts";
import type { Waiting } from "./waiting.ts";

export interface StoreHooks {
  /** It broke down, and is being brought back. */
  restarting(reason: Failure): void;
  checkpointFailed(reason: Failure): void;
}

export interface OpenedStore {
  readonly backend: StoreBackend;
  /** Other processes may have it open too. */
  readonly isShared: boolean;
}

/** Waits for a store that isn't there yet. */
export async function openStore(
  config: Config,
  clock: Clock,
  _waiting: Waiting,
  hooks: StoreHooks,
): Promise<OpenedStore> {
  const backend = await openSqlite({
    directory: config.dataDirectory,
    identityWindowMs: config.identityWindowMs,
    hangMs: config.storeWatchdogMs,
    clock,
    ...hooks,
  });
  return { backend, isShared: false };
}

export interface OpenedLog {
  readonly driver: LogDriver;
  /** It keeps what is appended until a director of any process has read it. */
  readonly keepsOffsets: boolean;
}

export async function openLog(_config: Config, clock: Clock): Promise<OpenedLog> {
  return { driver: makeInlineLog({ clock }), keepsOffsets: false };
}

export async function openBus(_config: Config, clock: Clock): Promise<BusDriver> {
  return makeLocalBus({ clock });
}
