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
  /** Topics that a user follows. */
  subscriptions: 256,
  /** Notifications on a page of the inbox, and topics that a page may be of. */
  inboxItems: 100,
  inboxTopics: 16,
  /** Users who may publish to a topic by a grant. */
  grants: 1_000,
  /** How long a topic may keep what is published, in milliseconds: from a second to 3,650 days. */
  keepMs: { least: 1_000, most: 3_650 * 86_400_000 },
  /** A user's state as JSON, in UTF-8, and how deeply it may be nested. */
  stateSizeBytes: 16_384,
  stateDepth: 32,
  /** Errors named in one answer; there may be more. */
  errorsNamed: 20,
} as const;
