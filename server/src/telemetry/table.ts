/**
 * Every metric, declared once. Names follow the Prometheus conventions: base units, `_total` for counters, unit
 * last. Labels have closed sets of values: codes and reasons, never an id of a user, a stream or a notification.
 * Process and runtime metrics (`process_...`, `nodejs_...`, event loop lag among them) come beside these.
 */
interface Declared {
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly label?: string;
  readonly buckets?: readonly number[];
}

const latencySeconds = [
  0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
] as const;

export const metricTable = {
  carillon_accepted_total: {
    type: "counter",
    help: "Notifications taken, one for each recipient: durable, or ephemeral and handed on.",
  },
  carillon_duplicates_total: {
    type: "counter",
    help: "Notifications that were there already, with the same content; nothing changed.",
  },
  carillon_conflicts_total: {
    type: "counter",
    help: "Notifications refused because their id is there with other content.",
  },
  carillon_refused_total: {
    type: "counter",
    help: "Requests and items refused, by problem.",
    label: "reason",
  },
  carillon_stored_total: { type: "counter", help: "Notifications that the director committed to a stream." },
  carillon_group_commit_records: {
    type: "histogram",
    help: "Records committed together.",
    buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000],
  },
  carillon_accept_commit_seconds: {
    type: "histogram",
    help: "From the acceptance of the oldest record of a batch to the batch's commit.",
    buckets: latencySeconds,
  },
  carillon_commit_push_seconds: {
    type: "histogram",
    help: "From the commit of a batch to the end of the pass that handed it to sessions.",
    buckets: latencySeconds,
  },
  carillon_accept_push_seconds: {
    type: "histogram",
    help: "From the acceptance of a notification to the end of the pass that handed it to sessions.",
    buckets: latencySeconds,
  },
  carillon_bus_messages_total: {
    type: "counter",
    help: "Messages given to the bus or taken from it.",
    label: "direction",
  },
  carillon_bus_dropped_total: {
    type: "counter",
    help: "Messages that the bus could not carry, by reason; hubs find what they told by asking the store.",
    label: "reason",
  },
  carillon_store_queue_records: {
    type: "gauge",
    help: "Records that wait for the store, those under way included.",
  },
  carillon_pushed_total: { type: "counter", help: "Notifications handed to sessions." },
  carillon_slow_sessions_total: {
    type: "counter",
    help: "Sessions sent back to catching up because their client read too slowly.",
  },
  carillon_gaps_total: { type: "counter", help: "Gaps told to clients, by reason.", label: "reason" },
  carillon_sessions: { type: "gauge", help: "Live connections, by transport.", label: "transport" },
  carillon_sessions_opened_total: {
    type: "counter",
    help: "Sessions opened, by transport.",
    label: "transport",
  },
  carillon_sessions_closed_total: {
    type: "counter",
    help: "Sessions that the server closed, by close reason.",
    label: "reason",
  },
  carillon_catching_up_sessions: {
    type: "gauge",
    help: "Sessions that are not live yet, or not live any more.",
  },
  carillon_sessions_deferred_total: {
    type: "counter",
    help: "New sessions told to come back later, because more came at once than are let in.",
  },
  carillon_unauthenticated_sockets: { type: "gauge", help: "WebSockets whose token hasn't come yet." },
  carillon_rate_limited_total: {
    type: "counter",
    help: "Requests, frames and batches refused because their caller asks for too much, by limit.",
    label: "limit",
  },
  carillon_revocations: { type: "gauge", help: "Revocations of tokens that this process knows of." },
  carillon_revocations_failed_total: {
    type: "counter",
    help: "Times that the revocations could not be read again; those known before hold.",
  },
  carillon_tickets_total: { type: "counter", help: "Tickets, by what became of them.", label: "outcome" },
  carillon_certificate_expiry_timestamp_seconds: {
    type: "gauge",
    help: "When the certificate that is served ends, in seconds since the epoch; 0 where TLS doesn't end here.",
  },
  carillon_hubs: { type: "gauge", help: "Streams of which this process holds a view." },
  carillon_parts_held: { type: "gauge", help: "Parts of the log that this process's director consumes." },
  carillon_upkeep_rows_total: {
    type: "counter",
    help: "Rows that upkeep went over: what expired became a tombstone, what was taken out was removed.",
  },
  carillon_upkeep_timestamp_seconds: {
    type: "gauge",
    help: "When this process last took a step of upkeep, in seconds since the epoch; 0 before the first. One process does it for all.",
  },
  carillon_retention_removed_total: { type: "counter", help: "Notifications removed because of their age." },
  carillon_retention_freed_bytes_total: {
    type: "counter",
    help: "Bytes of the store that were given back to the system.",
  },
  carillon_retention_timestamp_seconds: {
    type: "gauge",
    help: "When this process last ended a run of retention, in seconds since the epoch; 0 before the first.",
  },
  carillon_retention_behind_seconds: {
    type: "gauge",
    help: "How much longer than `retention` the oldest notification is kept, at the end of that run; on PostgreSQL, where whole days go, up to three days are as it should be.",
  },
  carillon_oldest_notification_timestamp_seconds: {
    type: "gauge",
    help: "When the oldest kept notification was stored, in seconds since the epoch, as of that run; 0 when there is none.",
  },
  carillon_store_bytes: {
    type: "gauge",
    help: "What the store takes and what is free within it, as of that run.",
    label: "what",
  },
  carillon_ready: { type: "gauge", help: "1 while /readyz says yes, else 0." },
  carillon_info: { type: "gauge", help: "Always 1; the label tells the version.", label: "version" },
} as const satisfies Record<string, Declared>;

export type MetricName = keyof typeof metricTable;

type NamesOf<T extends Declared["type"]> = {
  [N in MetricName]: (typeof metricTable)[N] extends { type: T } ? N : never;
}[MetricName];

export type CounterName = NamesOf<"counter">;
export type GaugeName = NamesOf<"gauge">;
export type HistogramName = NamesOf<"histogram">;

export const declared = (name: MetricName): Declared => metricTable[name];
