import { resolve } from "node:path";
import { watched } from "./progress.ts";
import { targetFlags } from "./target.ts";
import { UsageError, verb } from "./verb.ts";

export const restore = verb({
  name: "restore",
  summary: "make a new data directory of a backup",
  usage: ["FOLDER --data-directory NEW_DIRECTORY [--json]"],
  flags: {
    "data-directory": { ...targetFlags["data-directory"], doc: "Where to: new, or empty." },
    json: { type: "boolean", doc: "Print one JSON object a line: progress, then how it ended." },
  },
  words: [1, 1],
  more: () =>
    "The backup is checked, and stays as it is. A new epoch begins: clients that were told more than is in it get a gap,\n" +
    "load anew, and go on. Without signing.key in the backup, put yours into the new directory before you serve it.",
  async run(given, [folder], world) {
    const { json = false, "data-directory": directory } = given;
    if (directory === undefined) throw new UsageError("--data-directory is needed: where to");
    const { restore: restoreInto } = await import("@carillon/server/backup");
    const ended = await watched(json, world, ({ tell }) =>
      restoreInto({
        dataDirectory: resolve(world.cwd, directory),
        folder: resolve(world.cwd, folder!),
        tell,
      }),
    );
    if (ended.is !== "done") {
      if (!json) world.err(`${ended.why}\n`);
      return ended.is;
    }
    if (json) return "done";
    const hasKey = ended.manifest.files.some(({ name }) => name === "signing.key");
    world.out(
      `Restored into ${ended.dataDirectory}, as of ${ended.manifest.takenAt}; epoch ${ended.epoch} begins.\n`,
    );
    if (!hasKey) {
      world.err(
        `The backup has no signing.key: put yours into ${ended.dataDirectory}, or start once with --replace-missing-keys,\nwhich signs everybody out.\n`,
      );
    }
    return "done";
  },
});
