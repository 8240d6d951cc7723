import {
  fileName,
  flag,
  optionNames,
  optionOf,
  type options,
  variable,
} from "@carillon/server/config/options";
import { table, wrapped } from "./help.ts";
import { verb } from "./verb.ts";

export const serve = verb({
  name: "serve",
  summary: "run the server",
  usage: ["[--option value ...] [--config FILE] [--json]"],
  flags: {},
  words: null,
  more: reference,
  async run(_given, args) {
    const main = await import("@carillon/server/main");
    return main.serve(
      args.filter((arg) => arg !== "--json"),
      { json: args.includes("--json") },
    );
  },
});

/** Every option of the server with its names, default and bounds. */
function reference(): string {
  const example: keyof typeof options = "drainWindowMs";
  const intro =
    `Each option is a flag (${flag(example)}), a variable (${variable(example)}) and a name in the file ("${fileName(example)}"). ` +
    "Flags win over variables, those over the file. The file is JSON: the one that --config or CARILLON_CONFIG names, " +
    "else carillon.json in the data directory. --json prints where it serves as one line of JSON. " +
    "`carillon config` takes the same and shows what comes of it.";
  const sections = Map.groupBy(optionNames, (name) => optionOf(name).section);
  const parts = [...sections].map(([section, names]) => {
    const rows = names.map((name) => {
      const { kind, default: fallback, doc, secret } = optionOf(name);
      const usual = kind.show(fallback);
      const notes = [usual === "" ? [] : [`default ${usual}`], kind.bounds === null ? [] : [kind.bounds]]
        .flat()
        .join("; ");
      return [secret ? variable(name) : flag(name), notes === "" ? doc : `${doc} (${notes})`] as const;
    });
    return `${section}:\n${table(rows)}`;
  });
  return [wrapped(intro, 0), ...parts].join("\n\n");
}
