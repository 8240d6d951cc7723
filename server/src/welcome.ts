/** What `serve` says when it serves: one screen, and each command in it works when pasted. Pure. */
import { isAbsolute, join, relative } from "node:path";

export interface Serving {
  readonly version: string;
  readonly roles: readonly string[];
  /** Where clients and producers connect; null where the roles have nothing for them. */
  readonly url: string | null;
  /** The page for people; null where there is none. */
  readonly pageUrl: string | null;
  readonly operationsUrl: string;
  readonly dataDirectory: string;
  readonly signingKeyFile: string | null;
  readonly apiKeyFile: string | null;
  /** This start made them. */
  readonly keysMade: boolean;
}

const usualDataDirectory = "carillon-data";

export function welcome(serving: Serving, cwd: string): string {
  if (serving.url === null) {
    return [
      `Carillon ${serving.version} runs as ${serving.roles.join(", ")}`,
      "",
      `  operations  ${serving.operationsUrl}/readyz, /livez, /metrics`,
      "",
      "Ctrl-C stops it.",
      "",
    ].join("\n");
  }
  const near = (path: string): string => {
    const way = relative(cwd, path);
    return way === "" ? "." : way.startsWith("..") || isAbsolute(way) ? path : way;
  };
  const here = join(cwd, usualDataDirectory) === serving.dataDirectory;
  const where = here ? "" : ` --data-directory ${quoted(near(serving.dataDirectory))}`;
  const made = serving.keysMade ? ", made just now" : "";
  return [
    `Carillon ${serving.version} serves at ${serving.url}`,
    "",
    `  data        ${near(serving.dataDirectory)}`,
    `  API key     ${serving.apiKeyFile === null ? "in your keeping" : near(serving.apiKeyFile) + made}`,
    `  token key   ${serving.signingKeyFile === null ? "from the configuration" : near(serving.signingKeyFile) + made}`,
    `  operations  ${serving.operationsUrl}/readyz, /livez, /metrics`,
    "",
    serving.apiKeyFile === null
      ? "In another terminal, with the API key in CARILLON_KEY, watch a user and send to them:"
      : "In another terminal, watch a user and send to them:",
    "",
    `  npx carillon listen user:42${where}`,
    `  npx carillon send user:42${where} --type order.shipped --data '{"title":"On its way"}'`,
    "",
    ...(serving.pageUrl === null
      ? []
      : [
          `Or watch in a browser: open ${serving.pageUrl} and sign in with what this prints:`,
          "",
          `  npx carillon token user:42${where}`,
          "",
        ]),
    "Ctrl-C stops it.",
    "",
  ].join("\n");
}

const quoted = (text: string): string =>
  /^[\w./:@+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
