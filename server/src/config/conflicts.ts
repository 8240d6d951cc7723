/** What single bounds can't see: options that don't go together. Pure. */
import { type Config, flag, type OptionName, roles, variable } from "./options.ts";

export interface Conflict {
  readonly option: OptionName;
  readonly what: string;
}

export function conflicts(config: Config): Conflict[] {
  const found: Conflict[] = [];
  const say = (option: OptionName, what: string) => found.push({ option, what });
  const has = (role: (typeof roles)[number]): boolean => config.roles.includes(role);
  const shared = config.postgresUrl.length > 0;
  const kept = config.kafkaBrokers.length > 0;
  if (!shared && !roles.every(has)) {
    say(
      "roles",
      `roles apart need a shared store, ${flag("postgresUrl")}; the embedded one takes all of them: ${roles.join(",")}`,
    );
  }
  if (shared && !kept && has("receiver") !== has("director")) {
    say("roles", `receiver and director apart need a log between them, ${flag("kafkaBrokers")}`);
  }
  if (!shared && kept) say("kafkaBrokers", `needs a shared store beside it, ${flag("postgresUrl")}`);
  if (!shared && config.redisUrl.length > 0) {
    say(
      "redisUrl",
      `needs a shared store beside it, ${flag("postgresUrl")}; one process tells itself what is new`,
    );
  }
  if (config.postgresUrl.length > 1 && !kept) {
    say("postgresUrl", `several servers need a log before them, ${flag("kafkaBrokers")}`);
  }
  if (config.kafkaUser !== null && config.kafkaPassword === null) {
    say("kafkaUser", `needs a password, ${variable("kafkaPassword")}`);
  }
  if (config.retentionMs !== null && config.retentionMs < config.identityWindowMs) {
    say("retentionMs", `must not be shorter than ${flag("identityWindowMs")}, for which ids are remembered`);
  }
  if (config.drainWindowMs >= config.drainDeadlineMs) {
    say("drainWindowMs", `must be shorter than ${flag("drainDeadlineMs")}, which is when the process ends`);
  }
  if (config.bodyBytes < config.notificationBytes) {
    say("bodyBytes", `must not be smaller than ${flag("notificationBytes")}`);
  }
  if (config.tokenSecret !== null && config.tokenSecretFile !== null) {
    say("tokenSecretFile", "the secret is given twice; keep one");
  }
  if (config.previousTokenSecret !== null && config.previousTokenSecretFile !== null) {
    say("previousTokenSecretFile", "the secret is given twice; keep one");
  }
  if (config.tokenKeySetUrl !== null && config.tokenKeySetFile !== null) {
    say("tokenKeySetFile", "the key set is given twice; keep one");
  }
  if ((config.tlsCertFile === null) !== (config.tlsKeyFile === null)) {
    say("tlsKeyFile", `goes together with ${flag("tlsCertFile")}; give both`);
  }
  if (config.tokenAlgorithms.length === 0) say("tokenAlgorithms", "names none; at least one is needed");
  if (config.port !== 0 && config.port === config.operationsPort && config.host === config.operationsHost) {
    say("operationsPort", `is the same as ${flag("port")}`);
  }
  return found;
}
