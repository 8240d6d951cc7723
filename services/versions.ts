/**
 * The one table of the services beside Carillon in development, tests and CI: which versions, where they listen, how
 * they are set. `deploy/compose/` says the same to Docker, and a test holds the two together.
 *
 * Versions are those of Debian 12, the oldest that is supported; whatever newer one a machine has is taken as well.
 */
export const versions = {
  postgres: "15",
  pgbouncer: "1.18.0",
  redis: "7.0",
  kafka: "4.3.1",
  /** Kafka's jars leave the choice of a logger to whoever starts it. */
  log4j: "2.25.4",
  mavenDependencyPlugin: "3.8.1",
} as const;

/**
 * Where the block of ports begins. All of it stays below 32768: a client that keeps trying a dead server's port in
 * the range for outgoing connections can be given that very port, and be connected to itself.
 */
export const portsFrom = 17_700;

/** Places in the block. */
export const ports = {
  postgres1: 0,
  postgres2: 1,
  pgbouncer: 2,
  redis1: 3,
  redis2: 4,
  kafka: 5,
  kafkaController: 6,
  kafka3: [7, 8, 9],
  kafka3Controllers: [10, 11, 12],
  kafkaBroker: 13,
  kafka3Brokers: [14, 15, 16],
} as const;

export const portsInBlock = 17;

/** postgresql.conf. What isn't here is as delivered: fsync, synchronous_commit and full_page_writes are said to be seen. */
export const postgresSettings = {
  fsync: "on",
  synchronous_commit: "on",
  full_page_writes: "on",
  shared_buffers: "128MB",
  max_connections: "200",
  max_wal_size: "1GB",
  timezone: "UTC",
} as const;

/** pgbouncer.ini: the hard case that many still run, transactions pooled and no prepared statements kept. */
export const pgbouncerSettings = {
  auth_type: "trust",
  pool_mode: "transaction",
  max_prepared_statements: "0",
  default_pool_size: "20",
  max_client_conn: "1000",
  // Seconds until it looks again for a server that was away; tests need no fifteen.
  server_login_retry: "1",
  ignore_startup_parameters: "extra_float_digits",
} as const;

/** redis.conf: the bus keeps nothing, so nothing is written. */
export const redisSettings = { save: "", appendonly: "no" } as const;

export type Brokers = 1 | 3;

/** Clients, brokers and controllers each have a listener, so that a test can come between clients and a broker alone. */
export const kafkaListeners = {
  "controller.listener.names": "CONTROLLER",
  "inter.broker.listener.name": "BROKER",
  "listener.security.protocol.map": "CLIENT:PLAINTEXT,BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
} as const;

/** server.properties, but for what names hosts, ports and directories. */
export function kafkaSettings(brokers: Brokers): Record<string, string> {
  const replicas = String(brokers);
  const inSync = brokers === 3 ? "2" : "1";
  return {
    "auto.create.topics.enable": "false",
    "default.replication.factor": replicas,
    "min.insync.replicas": inSync,
    "offsets.topic.replication.factor": replicas,
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": replicas,
    "transaction.state.log.min.isr": inSync,
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": replicas,
    "share.coordinator.state.topic.min.isr": inSync,
    "share.coordinator.state.topic.num.partitions": "4",
    "group.initial.rebalance.delay.ms": "0",
    // A lost broker is noticed in seconds, so that tests of it need no minutes.
    "broker.heartbeat.interval.ms": "500",
    "broker.session.timeout.ms": "3000",
    "controller.quorum.election.timeout.ms": "500",
    "controller.quorum.fetch.timeout.ms": "1500",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "log.cleaner.threads": "1",
    "log.cleaner.dedupe.buffer.size": "8388608",
    "log.segment.bytes": "67108864",
  };
}

export const kafkaHeap = "-Xms64m -Xmx256m";
