/** `npm run conformance`: finds out which server is meant and runs the exam against it. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { startVitest } from "vitest/node";

const help = `Checks a running Carillon server from outside, over HTTP alone.

  npm run conformance -- --url URL --key-file FILE [--only PATTERN]

  --url URL         its base URL, such as http://127.0.0.1:7700; or CARILLON_URL
  --key-file FILE   a file with an API key; or CARILLON_KEY with the key itself
  --only PATTERN    only the tests whose names match this regular expression

The key needs the scopes send, topics and users, and any source ("*"). Everything is done with users, topics and
ids that nobody else has, so the exam may be repeated, and run beside other traffic. conformance/README.md says
what it asks of the server's configuration.

Exit status: 0 passed, 1 failed, 2 it could not begin.
`;

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.exitCode = refuse(error instanceof Error ? `${error.message}.` : String(error));
}

async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      url: { type: "string" },
      "key-file": { type: "string" },
      only: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const url = values.url ?? process.env["CARILLON_URL"];
  const keyFile = values["key-file"];
  const key = keyFile === undefined ? process.env["CARILLON_KEY"] : readFileSync(keyFile, "utf8").trim();
  if (url === undefined || key === undefined) return refuse("Which server, and with which key?");
  if (!URL.canParse(url)) return refuse(`${url} is not a URL.`);
  const answers = await fetch(url).then(
    () => true,
    () => false,
  );
  if (!answers) return refuse(`Nothing answers at ${url}.`);

  process.env["CARILLON_URL"] = url.replace(/\/+$/, "");
  process.env["CARILLON_KEY"] = key;
  const vitest = await startVitest("test", [], {
    config: false,
    root: fileURLToPath(new URL("..", import.meta.url)),
    include: ["src/exam.ts"],
    run: true,
    watch: false,
    cache: false,
    ...(values.only === undefined ? {} : { testNamePattern: values.only }),
  });
  await vitest?.close();
  return typeof process.exitCode === "number" ? process.exitCode : 0;
}

function refuse(why: string): number {
  process.stderr.write(`${why}\n\n${help}`);
  return 2;
}
