/** What a backup says of itself: `manifest.json`, written last. Pure. */
import { type Static, Type } from "typebox";
import { Compile } from "typebox/compile";

export const manifestFile = "manifest.json";
/** The names that a backup may hold beside its manifest; the first always. */
export const backedUp = ["carillon.db", "signing.key", "api.key"] as const;
export const mostManifestBytes = 65_536;

const Manifest = Type.Object({
  carillonBackup: Type.Literal(1),
  version: Type.String({ maxLength: 64 }),
  takenAt: Type.String({ maxLength: 64 }),
  epoch: Type.Integer({ minimum: 1 }),
  schema: Type.Integer({ minimum: 1 }),
  files: Type.Array(
    Type.Object({
      name: Type.Union([Type.Literal(backedUp[0]), Type.Literal(backedUp[1]), Type.Literal(backedUp[2])]),
      sizeBytes: Type.Integer({ minimum: 0 }),
      sha256: Type.String({ pattern: "^[0-9a-f]{64}$" }),
    }),
    { minItems: 1, maxItems: backedUp.length },
  ),
});

export type Manifest = Static<typeof Manifest>;

const checked = Compile(Manifest);

export const writeManifest = (manifest: Manifest): string => `${JSON.stringify(manifest, null, 2)}\n`;

/** Null when it isn't one. */
export function readManifest(text: string): Manifest | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (!checked.Check(value)) return null;
  const names = value.files.map(({ name }) => name);
  return new Set(names).size === names.length && names.includes(backedUp[0]) ? value : null;
}
