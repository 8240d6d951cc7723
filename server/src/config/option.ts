import { type Kind, text } from "./kinds.ts";

export interface Option<T> {
  readonly kind: Kind<T>;
  readonly default: T;
  readonly section: string;
  readonly doc: string;
  /** Never shown: printed as `(hidden)`, and no flag takes it, because a flag shows in the list of processes. */
  readonly secret?: true;
  /** May hold passwords: a value in doubt is never repeated, and one with a password is not taken as a flag. */
  readonly credentials?: true;
  /** A path: one in a file is meant from that file's directory, any other from the working directory. */
  readonly path?: true;
}

export const option = <T>(section: string, kind: Kind<T>, fallback: T, doc: string): Option<T> => ({
  kind,
  default: fallback,
  section,
  doc,
});

export const path = text("a path", 4_096, (value) => !value.includes("\0"));
export const word = text("text without spaces at its ends", 512, (value) => value.trim() === value);
