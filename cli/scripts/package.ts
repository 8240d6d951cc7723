/**
 * What the published package runs: the sources of the command, the server and the protocol as JavaScript, in `dist/`.
 * Node strips no types inside node_modules, so they are stripped here, by Node itself and in place: what runs is what
 * is tested, and a stack trace names the lines of the source.
 */
import { chmodSync, cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { dirname, extname, join, posix, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const out = join(root, "dist");
const rooms = ["protocol", "server", "cli"];

/** Tests, and what examines backends, aren't run by anybody who installs the package. */
const left = ["**/*.test.ts", "**/conformance/**"];

rmSync(out, { recursive: true, force: true });
for (const room of rooms) {
  const files = globSync([`${room}/src/**/*`, `${room}/bin/*`], {
    cwd: root,
    exclude: left,
    withFileTypes: true,
  });
  for (const file of files.filter((each) => each.isFile()))
    write(relative(root, join(file.parentPath, file.name)));
  const { version } = JSON.parse(readFileSync(join(root, room, "package.json"), "utf8")) as {
    version: string;
  };
  writeFileSync(join(out, room, "package.json"), `${JSON.stringify({ type: "module", version })}\n`);
}

function write(path: string): void {
  const to = join(out, path.replace(/\.ts$/, ".js"));
  mkdirSync(dirname(to), { recursive: true });
  if (![".ts", ".js"].includes(extname(path))) return cpSync(join(root, path), to);
  const source = readFileSync(join(root, path), "utf8");
  const code = path.endsWith(".ts") ? stripTypeScriptTypes(source).replaceAll(/^ +$/gm, "") : source;
  writeFileSync(to, rewrite(code, path));
  if (code.startsWith("#!")) chmodSync(to, 0o755);
}

/** Modules are named by their place in `dist/`, so that the package needs no names but its own. */
function rewrite(code: string, path: string): string {
  const rewritten = code.replaceAll(
    /(\bfrom\s*|\bimport\s*\(?\s*|\bnew URL\(\s*)"((?:@carillon\/|\.)[^"]+)"/g,
    (_, before: string, name: string) => `${before}"${placeOf(name, path)}"`,
  );
  const missed = rewritten.match(/"(@carillon\/[^"]+|\.[^"]*\.ts)"/);
  if (missed !== null) throw new Error(`${path}: ${missed[1]} isn't rewritten`);
  return rewritten;
}

function placeOf(name: string, path: string): string {
  const [, room, module] = /^@carillon\/([^/]+)\/(.+)$/.exec(name) ?? [];
  if (room === undefined) return name.replace(/\.ts$/, ".js");
  return posix.relative(posix.dirname(path), `${room}/src/${module}.js`).replace(/^(?!\.)/, "./");
}
