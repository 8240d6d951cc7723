import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

type Names = Readonly<Record<string, string>>;

const manifest = (folder: string) =>
  JSON.parse(readFileSync(new URL(`../../${folder}/package.json`, import.meta.url), "utf8")) as {
    readonly version: string;
    readonly dependencies: Names;
    readonly optionalDependencies: Names;
  };
const rooms = ["protocol", "server", "cli"].map(manifest);
const packed = manifest(".");

test("the package depends on what its parts depend on, in the same versions", () => {
  const own = rooms.flatMap((room) => Object.entries(room.dependencies));
  const foreign = own.filter(([name]) => !name.startsWith("@carillon/"));
  expect(Object.fromEntries(Object.entries(packed.dependencies))).toEqual(Object.fromEntries(foreign));
});

test("all parts have one version", () => {
  expect(new Set([packed, ...rooms].map((each) => each.version)).size).toBe(1);
});

test("nothing that is installed with it, or to work on it, runs a script of its own", () => {
  const lock = readFileSync(new URL("../../package-lock.json", import.meta.url), "utf8");
  expect(lock).toContain('"lockfileVersion"');
  expect(lock).not.toContain('"hasInstallScript"');
});

test("the image's Node is the one that is pinned", () => {
  const recipe = readFileSync(new URL("../../deploy/image/Dockerfile", import.meta.url), "utf8");
  const images = [...recipe.matchAll(/^FROM node:([\d.]+)-slim/gm)].map(([, version]) => version);
  expect(new Set([...images, ...Object.values(packed.optionalDependencies)]).size).toBe(1);
});
