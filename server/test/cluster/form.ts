/** How long and how often: the short form runs with every change, the long one fills docs/reliability.md. */
const long = process.env["FORM"] === "long";

export const form = {
  name: long ? "long" : "short",
  /** Kills of each kind. */
  rounds: long ? 30 : 4,
  /** For how long a service is away. */
  awaysMs: long ? [60_000, 600_000] : [12_000],
  /** For how long a director is frozen. */
  frozenMs: long ? 60_000 : 20_000,
  timeoutMs: long ? 3_600_000 : 240_000,
};
