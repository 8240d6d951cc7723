/** Bounds that belong to the protocol: the same on every installation, and relied on by clients. */
export const limits = {
  /** One notification as a CloudEvent in JSON, in UTF-8. */
  notificationSizeBytes: 65_536,
  /** Streams in one `to`. */
  recipients: 100,
  /** Notifications in one request. */
  batchItems: 1_000,
  /** CloudEvents extension attributes of one notification. */
  extensions: 32,
  /** How deeply `data` may be nested. */
  dataDepth: 64,
  /** Seqs in one request that marks single notifications, and single ones that a mark holds in a stream. */
  marks: 256,
  /** Errors named in one answer; there may be more. */
  errorsNamed: 20,
} as const;
