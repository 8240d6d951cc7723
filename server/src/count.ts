/** What the roles tell, as metrics: the one place where a role's events and the table of metrics meet. */
import type { GapFrame } from "@carillon/protocol/frames";
import type { BusDriver } from "./bus/driver.ts";
import type { Cleaned } from "./cleaning.ts";
import type { LogDriver } from "./log/driver.ts";
import type { Space } from "./store/retention.ts";
import type { Metrics } from "./telemetry/metrics.ts";

const milliseconds = 1_000;

interface Committed {
  readonly batch: { readonly records: readonly { readonly acceptedAt: number }[] };
  readonly outcomes: readonly { readonly status: string }[];
  readonly committedAt: number;
}

export function countDirector(metrics: Metrics) {
  const stored = metrics.counter("carillon_stored_total");
  const groups = metrics.histogram("carillon_group_commit_records");
  const latency = metrics.histogram("carillon_accept_commit_seconds");
  return {
    committed({ batch: { records }, outcomes, committedAt }: Committed): void {
      let count = 0;
      for (const { status } of outcomes) if (status === "stored") count++;
      stored.inc(count);
      groups.observe(records.length);
      const [oldest] = records;
      if (oldest !== undefined) latency.observe(Math.max(0, committedAt - oldest.acceptedAt) / milliseconds);
    },
  };
}

/** What upkeep and retention did, and what they left. */
export function countUpkeep(metrics: Metrics, keepMs: number | null, now: () => number) {
  const rows = metrics.counter("carillon_upkeep_rows_total");
  const removed = metrics.counter("carillon_retention_removed_total");
  const freed = metrics.counter("carillon_retention_freed_bytes_total");
  let keptUpAt = 0;
  let retainedAt = 0;
  let space: Space = { oldestAt: null, sizeBytes: 0, freeBytes: 0 };
  const behindMs = (): number =>
    keepMs === null || space.oldestAt === null ? 0 : Math.max(0, retainedAt - keepMs - space.oldestAt);
  metrics.gauge("carillon_upkeep_timestamp_seconds", () => keptUpAt / milliseconds);
  metrics.gauge("carillon_retention_timestamp_seconds", () => retainedAt / milliseconds);
  metrics.gauge("carillon_retention_behind_seconds", () => behindMs() / milliseconds);
  metrics.gauge("carillon_oldest_notification_timestamp_seconds", () => (space.oldestAt ?? 0) / milliseconds);
  metrics.gauge("carillon_store_bytes", () => ({ all: space.sizeBytes, free: space.freeBytes }));
  return {
    keptUp(count: number): void {
      rows.inc(count);
      keptUpAt = now();
    },
    retained(cleaned: Cleaned, left: Space): void {
      removed.inc(cleaned.removed);
      freed.inc(cleaned.freedBytes);
      retainedAt = now();
      space = left;
    },
  };
}

export function countDistributor(metrics: Metrics) {
  const pushed = metrics.counter("carillon_pushed_total");
  const slow = metrics.counter("carillon_slow_sessions_total");
  const sinceAccept = metrics.histogram("carillon_accept_push_seconds");
  const sinceCommit = metrics.histogram("carillon_commit_push_seconds");
  return {
    pushed: (count: number) => pushed.inc(count),
    pushLatency(sinceAcceptMs: number, sinceCommitMs: number): void {
      sinceAccept.observe(sinceAcceptMs / milliseconds);
      sinceCommit.observe(sinceCommitMs / milliseconds);
    },
    gap: (reason: GapFrame["reason"]) => metrics.counter("carillon_gaps_total", reason).inc(),
    slow: () => slow.inc(),
  };
}

export function countSessions(metrics: Metrics) {
  const open = { websocket: 0, sse: 0, poll: 0 };
  metrics.gauge("carillon_sessions", () => open);
  return {
    opened(transport: keyof typeof open): void {
      open[transport]++;
      metrics.counter("carillon_sessions_opened_total", transport).inc();
    },
    ended(transport: keyof typeof open): void {
      open[transport]--;
    },
    closed: (reason: string) => metrics.counter("carillon_sessions_closed_total", reason).inc(),
  };
}

export const countLive = (metrics: Metrics) => ({
  deferred: () => metrics.counter("carillon_sessions_deferred_total").inc(),
  unauthenticated: (read: () => number) => metrics.gauge("carillon_unauthenticated_sockets", read),
});

/** The same log; how many records wait in it, those under way included, is a gauge. */
export function countLog(log: LogDriver, metrics: Metrics): LogDriver {
  let waiting = 0;
  metrics.gauge("carillon_store_queue_records", () => waiting);
  return {
    ...log,
    append(records) {
      waiting += records.length;
      const appended = log.append(records);
      const leave = () => {
        waiting -= records.length;
      };
      appended.then(leave, leave);
      return appended;
    },
  };
}

/** The same bus, its messages counted in both directions. */
export function countBus(bus: BusDriver, metrics: Metrics): BusDriver {
  const published = metrics.counter("carillon_bus_messages_total", "published");
  const received = metrics.counter("carillon_bus_messages_total", "received");
  return {
    ...bus,
    start: (listener) =>
      bus.start({
        message(message) {
          received.inc();
          listener.message(message);
        },
        suspect: (streams) => listener.suspect(streams),
      }),
    publish(messages) {
      published.inc(messages.length);
      bus.publish(messages);
    },
  };
}
