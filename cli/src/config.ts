import { ownSources, readConfig } from "@carillon/server/config";
import { showConfig, showProblems } from "@carillon/server/config/show";
import { verb } from "./verb.ts";

export const config = verb({
  name: "config",
  summary: "check the server's configuration, show what is in effect and where it comes from",
  usage: ["[--option value ...] [--config FILE] [--json]", "check [...]"],
  flags: {},
  words: null,
  more: () =>
    "It reads what `carillon serve` would read, with the same flags, and starts nothing. `check` says only whether\n" +
    "it can be used: status 0, or 2 and every problem. `carillon serve --help` lists the options.",
  async run(_given, args, { out, err }) {
    const onlyCheck = args[0] === "check";
    const json = args.includes("--json");
    const read = readConfig(ownSources(args.slice(onlyCheck ? 1 : 0).filter((arg) => arg !== "--json")));
    if (!read.ok) {
      if (json) out(`${JSON.stringify({ ok: false, problems: read.problems })}\n`);
      else err(showProblems(read.problems));
      return "usage";
    }
    const shown = showConfig(read.config, read.origins);
    if (json)
      out(`${JSON.stringify({ ok: true, file: read.file, ...(onlyCheck ? {} : { options: shown }) })}\n`);
    else if (onlyCheck) out("The configuration can be used.\n");
    else {
      const wide = Math.max(...shown.map(({ option }) => option.length));
      const long = Math.max(...shown.map(({ value }) => value.length));
      for (const { option, value, origin } of shown) {
        out(`${option.padEnd(wide)}  ${value.padEnd(long)}  ${origin}\n`);
      }
    }
    return "done";
  },
});
