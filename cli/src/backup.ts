import { resolve } from "node:path";
import { watched } from "./progress.ts";
import { dataDirectoryOf, targetFlags } from "./target.ts";
import { verb } from "./verb.ts";

export const backup = verb({
  name: "backup",
  summary: "copy a data directory into a folder, while it is served or not",
  usage: ["FOLDER [--data-directory DIRECTORY] [--with-keys] [--json]"],
  flags: {
    "data-directory": targetFlags["data-directory"],
    "with-keys": {
      type: "boolean",
      doc: "The keys too. Whoever reads the backup can then sign in as anybody: keep it as you keep them.",
    },
    json: { type: "boolean", doc: "Print one JSON object a line: progress, then how it ended." },
  },
  words: [1, 1],
  more: () =>
    "The folder must be new or empty. It is whole when the command ends with 0, and isn't there before: what an\n" +
    "interrupted run left is called FOLDER.partial, and the next one takes it over. Everything that was accepted before it\n" +
    "began is in it. `carillon restore` makes a data directory of it. A store on PostgreSQL is backed up with\n" +
    "PostgreSQL's own tools.",
  async run(given, [folder], world) {
    const { json = false } = given;
    const { backUp } = await import("@carillon/server/backup");
    const ended = await watched(json, world, ({ tell }) =>
      backUp({
        dataDirectory: dataDirectoryOf(given, world),
        folder: resolve(world.cwd, folder!),
        withKeys: given["with-keys"] ?? false,
        tell,
      }),
    );
    if (ended.is !== "done") {
      if (!json) world.err(`${ended.why}\n`);
      return ended.is;
    }
    if (json) return "done";
    const sizeBytes = ended.manifest.files.reduce((sum, file) => sum + file.sizeBytes, 0);
    world.out(
      `Backed up into ${ended.folder}: ${(sizeBytes / 1e6).toFixed(1)} MB, as of ${ended.manifest.takenAt}.\n`,
    );
    if (ended.keysLeft.includes("signing.key")) {
      world.err(
        "Without signing.key: keep a copy of it elsewhere, or a restored server signs everybody out. --with-keys takes it along.\n",
      );
    }
    return "done";
  },
});
