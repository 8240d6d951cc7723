/** What single bounds can't see: options that don't go together. Pure. */
import { type Config, flag, type OptionName, roles } from "./options.ts";

export interface Conflict {
  readonly option: OptionName;
  readonly what: string;
}

export function conflicts(config: Config): Conflict[] {
  const found: Conflict[] = [];
  const say = (option: OptionName, what: string) => found.push({ option, what });
  if (roles.some((role) => !config.roles.includes(role))) {
    say("roles", `roles apart need a shared store; the embedded one takes all of them: ${roles.join(",")}`);
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
  if (config.port !== 0 && config.port === config.operationsPort && config.host === config.operationsHost) {
    say("operationsPort", `is the same as ${flag("port")}`);
  }
  return found;
}
