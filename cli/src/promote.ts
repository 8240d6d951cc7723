import type { Mode, Promoted } from "@carillon/server/promote";
import type { Exit } from "./exit-codes.ts";
import { watched } from "./progress.ts";
import { verb } from "./verb.ts";

export const promote = verb({
  name: "promote",
  summary: "move the data directory to PostgreSQL, or copy a store back",
  usage: [
    "[--data-directory DIRECTORY] [--option value ...] [--json]",
    "--verify [--data-directory DIRECTORY]",
    "--down --data-directory NEW_DIRECTORY",
  ],
  flags: {},
  words: null,
  more: () =>
    "Stop the server of the data directory first. Where to is what `carillon serve` would use: CARILLON_POSTGRES_URL\n" +
    "or --postgres-url, --parts and --config. Cursors, tokens, API keys, topics, subscriptions and read marks are good\n" +
    "as before. What was interrupted goes on with the same command; at the end both stores are compared.\n" +
    "--verify compares once more. --down copies a store, as it is now, into a new data directory.\n" +
    "--json prints one JSON object a line: progress, then how it ended.",
  async run(_given, args, { out, err }) {
    const json = args.includes("--json");
    const mode: Mode = args.includes("--down") ? "down" : args.includes("--verify") ? "verify" : "up";
    const { promoteStore } = await import("@carillon/server/promote");
    const promoted = await watched(json, { out, err }, ({ tell, note }) =>
      promoteStore({
        args: args.filter((arg) => !["--json", "--down", "--verify"].includes(arg)),
        mode,
        signal: untilSignalled(),
        tell,
        note,
      }),
    );
    const said = saidOf(promoted, mode);
    if (!json) (said.exit === "done" ? out : err)(`${said.text}\n`);
    return said.exit;
  },
});

/** Ctrl-C may come twice at once, from the terminal and from npm; later than that, the second means "now". */
function untilSignalled(): AbortSignal {
  const stop = new AbortController();
  let askedAt: number | undefined;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      if (askedAt !== undefined && performance.now() - askedAt > 250) process.exit(130);
      askedAt ??= performance.now();
      stop.abort();
    });
  }
  return stop.signal;
}

interface Said {
  readonly exit: Exit;
  readonly text: string;
}

function saidOf(promoted: Promoted, mode: Mode): Said {
  switch (promoted.is) {
    case "usage":
      return { exit: "usage", text: promoted.why };
    case "failed":
      return promoted.away
        ? { exit: "unreachable", text: `${promoted.why}\nThe same command goes on from here.` }
        : { exit: "failed", text: promoted.why };
    case "refused":
      return { exit: "refused", text: `${promoted.why}.` };
    case "already":
      return { exit: "done", text: `${promoted.why}.` };
    case "stopped":
      return {
        exit: "failed",
        text:
          mode === "down"
            ? "Stopped. The same command begins anew."
            : "Stopped. The same command goes on from here.",
      };
    case "differs":
      return {
        exit: "failed",
        text: ["The two differ:", ...promoted.differences.map((one) => `  ${one}`), insteadOf(mode)].join(
          "\n",
        ),
      };
    case "done":
      return { exit: "done", text: doneText(promoted, mode) };
  }
}

const insteadOf = (mode: Mode): string =>
  mode === "up"
    ? "Neither of them is served as it is: serve the data directory as before, or promote it into an empty database."
    : mode === "down"
      ? "Remove the new directory, and copy again."
      : "Something wrote to one of them.";

function doneText(promoted: Promoted & { readonly is: "done" }, mode: Mode): string {
  const { source, target, counts, signingKeyFile } = promoted;
  const many = (count: number, what: string): string =>
    `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;
  const all = `${many(counts.notifications, "notification")} in ${many(counts.streams, "stream")}, ${many(counts.subscriptions, "subscription")}`;
  if (mode === "verify") return `${source} and ${target} are equal: ${all}.`;
  if (mode === "down") {
    return [
      `Copied into ${target} and compared: ${all}.`,
      "API keys are good there. Tokens need the secret that they are signed with, as signing.key in that directory;",
      "without it, start once with --replace-missing-keys for a new one.",
    ].join("\n");
  }
  const secret =
    signingKeyFile === null
      ? "the same secret for tokens as before"
      : `--token-secret-file ${signingKeyFile}, or a copy of it; or its content as CARILLON_TOKEN_SECRET`;
  return [
    `Promoted to ${target} and compared: ${all}.`,
    `Start its processes with the same PostgreSQL options and ${secret}.`,
    "API keys, tokens and cursors are good as before.",
    `${source} is left as it was, and is not served any more.`,
  ].join("\n");
}
