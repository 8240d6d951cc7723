/** The server as a process: read the configuration, assemble, start, wait, drain, exit. */
import { assemble } from "./assemble.ts";
import { showProblems } from "./config/show.ts";
import { ownSources, readConfig } from "./config.ts";
import { type Ending, endAtOnce, watchForTheEnd } from "./ending.ts";
import { makeLogger } from "./telemetry/logger.ts";
import { welcome } from "./welcome.ts";
import { whyNotStarted } from "./why-not-started.ts";

/**
 * Exit statuses: 0 ended as asked, 1 could not start, 2 the configuration can't be used. When something broke, or
 * not everything was done by the deadline, it ends by SIGKILL (137 in a shell).
 */
export async function serve(args: readonly string[], { json = false } = {}): Promise<number> {
  const read = readConfig(ownSources(args));
  if (!read.ok) {
    process.stderr.write(showProblems(read.problems));
    return 2;
  }
  const { config } = read;
  const pretty = config.logFormat === "text" || (config.logFormat === "auto" && process.stderr.isTTY);
  const log = makeLogger({ level: config.logLevel, format: pretty ? "text" : "json" });
  const endings = watchForTheEnd(log);

  const stop = new AbortController();
  let told: Ending | null = null;
  void endings.first.then((ending) => {
    told = ending;
    stop.abort();
  });
  const assembled = await assemble({ config, log, signal: stop.signal, broke: endings.broke }).catch(
    (error: unknown) => ({ problem: whyNotStarted(error, config) }),
  );
  if ("problem" in assembled) {
    if (told !== null && told !== "broken") return 0;
    process.stderr.write(`${assembled.problem}\n`);
    return 1;
  }
  process.stdout.write(
    json ? `${JSON.stringify(assembled.serving)}\n` : welcome(assembled.serving, process.cwd()),
  );
  const { url, version, roles } = assembled.serving;
  log.info({ url, version, roles }, "serving");

  const ending = await endings.first;
  if (ending === "broken") endAtOnce();
  log.info({ signal: ending, windowMs: config.drainWindowMs }, "stopping");
  // Goes on behind the drain: whatever keeps the process alive then is late too.
  setTimeout(() => {
    log.error({ deadlineMs: config.drainDeadlineMs }, "not everything was done in time; the process ends");
    endAtOnce();
  }, config.drainDeadlineMs).unref();
  await assembled.drain();
  log.info({}, "stopped");
  return 0;
}
