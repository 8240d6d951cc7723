/** What the roles tell, as metrics: the one place where a role's events and the table of metrics meet. */
import type { GapFrame } from "@carillon/protocol/frames";
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

export function countDistributor(metrics: Metrics) {
  const pushed = metrics.counter("carillon_pushed_total");
  const slow = metrics.counter("carillon_slow_sessions_total");
  const latency = metrics.histogram("carillon_accept_push_seconds");
  return {
    pushed: (count: number) => pushed.inc(count),
    pushLatency: (ms: number) => latency.observe(ms / milliseconds),
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
