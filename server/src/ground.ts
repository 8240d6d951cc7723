import type { Tracer } from "@opentelemetry/api";
import type { BusDriver } from "./bus/driver.ts";
import type { Clock } from "./clock.ts";
import type { Config } from "./config/options.ts";
import type { LogDriver } from "./log/driver.ts";
import type { StoreBackend } from "./store/store.ts";
import type { Logger } from "./telemetry/logger.ts";
import type { Metrics } from "./telemetry/metrics.ts";

/** What every role is given. */
export interface Ground {
  readonly config: Config;
  readonly log: Logger;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly store: StoreBackend;
  readonly records: LogDriver;
  readonly bus: BusDriver;
  /** Null where nobody collects spans. */
  readonly tracer: Tracer | null;
  readonly failing: (what: string) => (failure: unknown, about?: object) => void;
}
