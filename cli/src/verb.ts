/** What a verb of the command is: its words, its flags and what it does. */
import type { Exit } from "./exit-codes.ts";

export interface Flag {
  readonly type: "string" | "boolean";
  /** What stands for the value in help: `NAME`. */
  readonly value?: string;
  readonly doc: string;
  readonly multiple?: true;
}

export type Flags = Readonly<Record<string, Flag>>;

/** The value of each flag that was given. */
export type Given<F extends Flags> = {
  readonly [N in keyof F]?: F[N]["multiple"] extends true
    ? string[]
    : F[N]["type"] extends "boolean"
      ? boolean
      : string;
};

/** What a verb may touch of the world around it. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly input: NodeJS.ReadableStream;
  out(text: string): void;
  err(text: string): void;
}

export interface Verb<F extends Flags = Flags> {
  readonly name: string;
  readonly summary: string;
  /** Behind `carillon <verb>`. */
  readonly usage: readonly string[];
  readonly flags: F;
  /** More of the help: notes and examples. */
  readonly more?: () => string;
  /** The least and most words beside flags; null where the verb reads its arguments itself. */
  readonly words: readonly [number, number] | null;
  run(given: Given<F>, words: readonly string[], world: Surroundings): Promise<Exit | number>;
}

/** Keeps the flags' own types through the declaration of a verb. */
export const verb = <const F extends Flags>(declared: Verb<F>): Verb<F> => declared;

/** The command line can't be used; the message says how it could. */
export class UsageError extends Error {}
