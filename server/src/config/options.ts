/**
 * Every option, declared once. From its name follow the environment variable (`drainWindow`:
 * CARILLON_DRAIN_WINDOW), the flag (`--drain-window`) and the name in the file (`"drainWindow"`); in the code a
 * duration ends in `Ms` and a size in `Bytes`.
 */
import { limits as mostOf } from "@carillon/protocol/limits";
import { isNetwork } from "../address.ts";
import {
  choice,
  duration,
  integer,
  type Kind,
  list,
  onOff,
  optional,
  orNone,
  serverUrls,
  size,
  text,
} from "./kinds.ts";
import { type Option, option, path, word } from "./option.ts";
import { tokenOptions } from "./token-options.ts";

export const roles = ["receiver", "director", "distributor"] as const;

const port = integer(0, 65_535);
const host = text("a host name or an IP address", 253, (value) => /^[A-Za-z0-9._:-]+$/.test(value));
const broker = text("a broker such as kafka-1:9092", 300, (value) =>
  /^[A-Za-z0-9._[\]:-]+:\d{1,5}$/.test(value),
);
const topicName = text("a topic name of Kafka", 249, (value) => /^[A-Za-z0-9._-]+$/.test(value));
const origin = text("an origin such as https://app.example.com, or *", 512, isOrigin);

const network = text("an IP address, or a network such as 10.0.0.0/8", 64, isNetwork);

const listening = "Listening";
const data = "Data";
const shared = "Shared services";
const limits = "Limits";
const live = "Live connections";
const stopping = "Stopping";
const logs = "Logs";

const second = 1_000;
const hour = 3_600 * second;
const kilobyte = 1_024;

export const options = {
  host: option(
    listening,
    host,
    "127.0.0.1",
    "Where clients and producers connect. Loopback by default: nothing is open to a network until somebody says so. 0.0.0.0 is every interface.",
  ),
  port: option(listening, port, 7_700, "The port of that; 0 takes a free one."),
  operationsHost: option(
    listening,
    host,
    "127.0.0.1",
    "Where /livez, /readyz and /metrics are. They ask for no key, so keep this off public networks.",
  ),
  operationsPort: option(listening, port, 7_701, "The port of that; 0 takes a free one."),
  origins: option(
    listening,
    list(origin, 64),
    [],
    "Web pages of these origins may connect from a browser, and make the requests that clients make. By default those of the server's own host alone; * is any, safe because nothing here rides on cookies.",
  ),
  page: option(
    listening,
    choice(["auto", "on", "off"]),
    "auto",
    "The page at /, where a person signs in with a token and watches what arrives; auto is on with SQLite in the data directory, off with a shared store.",
  ),
  tlsCertFile: {
    ...option(
      listening,
      optional(path),
      null,
      "The certificate chain, as PEM, with which clients and producers are served over TLS. Read again when it changes, without a restart. Without it, plain HTTP.",
    ),
    path: true,
  },
  tlsKeyFile: {
    ...option(listening, optional(path), null, "The private key that belongs to it, as PEM."),
    path: true,
  },
  trustedProxies: option(
    listening,
    list(network, 64),
    [],
    "Proxies whose X-Forwarded-For counts, for logs and for limits by address. None by default: what a stranger writes there is not believed.",
  ),
  roles: option(
    listening,
    list(choice(roles), roles.length),
    roles,
    "What this process does. Apart from each other they need a store that processes can share (PostgreSQL), receiver and director also a log (Kafka); embedded, all run together.",
  ),

  dataDirectory: {
    ...option(
      data,
      path,
      "carillon-data",
      "Where notifications and keys are kept; with PostgreSQL, the keys alone. Made when missing; one process at a time.",
    ),
    path: true,
  },
  identityWindowMs: option(
    data,
    duration("1m", "30d"),
    24 * hour,
    "How long the id of a notification is remembered, so that sending it again changes nothing.",
  ),
  retentionMs: option(
    data,
    orNone(duration("1m", "3650d")),
    168 * hour,
    "How long a notification is kept at least; what is older is removed while the server runs, and a client that comes back later is told of a gap. Not shorter than identityWindow. none keeps everything until it expires, is taken back or its topic is deleted.",
  ),
  storeWatchdogMs: option(
    data,
    duration("1s", "10m"),
    10 * second,
    "A store that answers nothing for this long counts as hung: what waits is refused with 503 and the store is started again; when that doesn't help, the process ends.",
  ),
  replaceMissingKeys: option(
    data,
    onOff,
    false,
    "Make api.key or signing.key anew where the file is gone. A new signing key ends all tokens signed with the old one, a new API key replaces the one made at first.",
  ),

  postgresUrl: {
    ...option(
      shared,
      serverUrls(["postgres", "postgresql"], "postgres://carillon@db:5432/carillon", 64),
      [],
      "The store: PostgreSQL 15 or newer, directly or through PgBouncer in transaction mode. Several servers share the streams. Without it, SQLite in the data directory.",
    ),
    credentials: true,
  },
  postgresConnections: option(
    shared,
    integer(2, 1_000),
    10,
    "The most connections of this process to each PostgreSQL server.",
  ),
  postgresListenUrl: {
    ...option(
      shared,
      serverUrls(["postgres", "postgresql"], "postgres://carillon@db:5432/carillon", 1),
      [],
      "Where LISTEN and NOTIFY go when there is no Redis: the first PostgreSQL server itself, for where postgresUrl is a PgBouncer.",
    ),
    credentials: true,
  },
  redisUrl: {
    ...option(
      shared,
      serverUrls(["redis", "rediss"], "redis://cache:6379", 64),
      [],
      "The bus: plain servers of Redis 7 or Valkey, one or several. Without it, PostgreSQL's NOTIFY, which serves small set-ups.",
    ),
    credentials: true,
  },
  kafkaBrokers: option(
    shared,
    list(broker, 64),
    [],
    "The log: brokers of a Kafka cluster to begin with, as host:port. Without it a notification is accepted when the store has committed it.",
  ),
  kafkaTopic: option(
    shared,
    topicName,
    "carillon",
    "The topic that is the log; made when it is missing, one partition a part.",
  ),
  kafkaTls: option(
    shared,
    onOff,
    false,
    "Talk to Kafka over TLS, verified against the system's authorities.",
  ),
  kafkaCaFile: {
    ...option(
      shared,
      optional(path),
      null,
      "Certificates of the authority that Kafka's certificates are verified against, as PEM.",
    ),
    path: true,
  },
  kafkaMechanism: option(
    shared,
    choice(["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]),
    "SCRAM-SHA-512",
    "How this process authenticates to Kafka, where kafkaUser is given.",
  ),
  kafkaUser: option(shared, optional(word), null, "Who this process is to Kafka."),
  kafkaPassword: {
    ...option(
      shared,
      optional(text("a password of 1 to 1,024 characters", 1_024)),
      null,
      "The password that goes with it.",
    ),
    secret: true,
  },
  parts: option(
    shared,
    integer(1, 1_024),
    128,
    "Into how many parts a new store and its Kafka topic are divided: the most directors that can share the work. Fixed once made.",
  ),
  acceptRestore: option(
    shared,
    onOff,
    false,
    "Go on where the store was restored and the log no longer has the records since, or the log was replaced: what is missing stays missing, a new epoch begins, and clients are told of the gap.",
  ),

  ...tokenOptions,

  notificationBytes: option(
    limits,
    size("1KB", "64KB"),
    mostOf.notificationSizeBytes,
    "The largest notification.",
  ),
  bodyBytes: option(
    limits,
    size("64KB", "64MB"),
    8 * 1_024 * kilobyte,
    "The largest request body, a batch for instance.",
  ),
  batchItems: option(
    limits,
    integer(1, mostOf.batchItems),
    mostOf.batchItems,
    "The most notifications in one request.",
  ),
  sessions: option(limits, integer(1, 1_000_000), 100_000, "The most live connections of this process."),
  sessionsPerUser: option(
    limits,
    integer(1, 10_000),
    64,
    "The most live connections of one user, on this process.",
  ),
  topicsPerUser: option(
    limits,
    integer(0, 100_000),
    100,
    "The most topics that a user may make; 0: users make none.",
  ),
  framesPerSecond: option(limits, integer(1, 10_000), 50, "The most frames a second from one client."),
  sessionsPerSecond: option(
    limits,
    integer(1, 100_000),
    5_000,
    "How many new live connections a second are let in by this process, twice as many at once. Others are told to come back, spread over the time that it takes to let them in.",
  ),
  replicas: option(
    limits,
    integer(1, 10_000),
    1,
    "How many processes share the load. The rates below are for all of them together, and each holds callers to its part.",
  ),
  keyRequestsPerSecond: option(
    limits,
    integer(1, 1_000_000),
    10_000,
    "The most requests a second with one API key; twice as many at once after a silence.",
  ),
  keyNotificationsPerSecond: option(
    limits,
    integer(1, 10_000_000),
    100_000,
    "The most notifications a second with one API key, one for each recipient; twice as many at once.",
  ),
  userRequestsPerSecond: option(
    limits,
    integer(1, 100_000),
    50,
    "The most requests a second of one user, twice as many at once; frames that read or bring a token count too.",
  ),
  userNotificationsPerSecond: option(
    limits,
    integer(1, 100_000),
    10,
    "The most notifications a second that one user's clients publish; twice as many at once.",
  ),
  frameBytes: option(limits, size("1KB", "1MB"), 64 * kilobyte, "The largest frame from a client."),
  unauthenticatedMs: option(
    limits,
    duration("1s", "5m"),
    10 * second,
    "How long a WebSocket may stay open before its token comes.",
  ),
  unauthenticatedSockets: option(
    limits,
    integer(1, 1_000_000),
    10_000,
    "The most WebSockets of this process that wait for their tokens at once.",
  ),
  unauthenticatedPerAddress: option(
    limits,
    integer(1, 1_000_000),
    1_000,
    "The most of those from one address.",
  ),

  heartbeatMs: option(
    live,
    duration("1s", "10m"),
    25 * second,
    "The server says something at least this often; most proxies close a connection that is silent for 30 to 60 seconds.",
  ),
  sessionBufferBytes: option(
    live,
    size("16KB", "64MB"),
    64 * kilobyte,
    "What may wait for one client's socket. Beyond it the client goes back to catching up: nothing is lost.",
  ),
  replayRows: option(
    live,
    integer(1, 100_000),
    1_000,
    "The most missed notifications of a stream that are replayed to a client; what is older is told as a gap, and not sent on that connection.",
  ),
  pollWaitMs: option(
    live,
    duration("1s", "5m"),
    30 * second,
    "The longest that a long poll may ask to wait.",
  ),

  drainWindowMs: option(
    stopping,
    duration("0s", "10m"),
    5 * second,
    "When stopping, clients are asked to leave one by one over this time, so that they don't all come back at once.",
  ),
  drainDeadlineMs: option(
    stopping,
    duration("1s", "30m"),
    25 * second,
    "The process has ended by then, whatever is left; keep it below the platform's own patience (30s on Kubernetes).",
  ),

  logLevel: option(
    logs,
    choice(["debug", "info", "warn", "error"]),
    "info",
    "The least that is worth a line.",
  ),
  logFormat: option(
    logs,
    choice(["auto", "json", "text"]),
    "auto",
    "Logs go to standard error: as JSON, one object a line, or as text; auto is text on a terminal.",
  ),
};

export type OptionName = keyof typeof options;

type ValueOf<O> = O extends { readonly kind: Kind<infer T> } ? T : never;

/** The configuration as the code takes it: every option with a valid value, paths absolute. */
export type Config = { readonly [N in OptionName]: ValueOf<(typeof options)[N]> };

export const optionNames = Object.keys(options) as readonly OptionName[];

export const optionOf = (name: OptionName): Option<unknown> => options[name] as unknown as Option<unknown>;

/** `drainWindowMs`: `drainWindow` in the file. */
export const fileName = (name: OptionName): string =>
  name.replace(/(Ms|Bytes)$/, (unit) => (unit === "Ms" ? "" : "Size"));

const words = (name: OptionName): readonly string[] => fileName(name).split(/(?=[A-Z])/);

export const variable = (name: OptionName): string => `CARILLON_${words(name).join("_").toUpperCase()}`;

export const flag = (name: OptionName): string => `--${words(name).join("-").toLowerCase()}`;

function isOrigin(value: string): boolean {
  return value === "*" || URL.parse(value)?.origin === value;
}
