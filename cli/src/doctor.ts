import { verb } from "./verb.ts";

const signs = { well: "ok", warning: "!", wrong: "!!" } as const;

export const doctor = verb({
  name: "doctor",
  summary: "look a server's data, services and options over, and say what to do",
  usage: ["[--data-directory DIRECTORY] [--option value ...] [--thorough] [--json]"],
  flags: {},
  words: null,
  more: () =>
    "It takes the options of `carillon serve` and changes nothing, whether a server runs or not. `!!` is wrong, `!` is\n" +
    "worth knowing. --thorough reads all of the data. --json prints one finding a line.\n" +
    "Status 0: nothing is wrong. 1: something is.",
  async run(_given, args, { out }) {
    const json = args.includes("--json");
    const { examine } = await import("@carillon/server/doctor");
    const findings = await examine({
      args: args.filter((arg) => arg !== "--json" && arg !== "--thorough"),
      isThorough: args.includes("--thorough"),
    });
    const count = (is: keyof typeof signs): number => findings.filter((one) => one.is === is).length;
    for (const { is, check, what, advice } of findings) {
      if (json) out(`${JSON.stringify({ check, is, what, advice })}\n`);
      else out(`${signs[is].padEnd(2)}  ${what}${advice === "" ? "" : `\n      ${advice}`}\n`);
    }
    if (!json)
      out(
        `${count("wrong")} wrong, ${count("warning")} worth knowing, ${count("well")} as they should be.\n`,
      );
    return count("wrong") === 0 ? "done" : "failed";
  },
});
