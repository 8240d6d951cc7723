import type { OptionName } from "./options.ts";

/** Something about the configuration that can't be used. */
export interface Problem {
  /** Where it was said: `--port`, `CARILLON_PORT`, `"port" in /srv/carillon.json`. */
  readonly at: string;
  /** Completes the sentence: `7x is not a whole number`. */
  readonly what: string;
}

/** Where each value came from: `default`, or as in `Problem.at`. */
export type Origins = { readonly [N in OptionName]: string };
