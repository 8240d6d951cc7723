/** What an examination found. `well` says that something was looked at and is as it should be. */
export interface Finding {
  /** What was looked at: a closed word for machines, such as `signing-key`. */
  readonly check: string;
  readonly is: "well" | "warning" | "wrong";
  readonly what: string;
  /** What to do about it; empty where nothing is to be done. */
  readonly advice: string;
}

export const well = (check: string, what: string): Finding => ({ check, is: "well", what, advice: "" });
export const warning = (check: string, what: string, advice: string): Finding => ({
  check,
  is: "warning",
  what,
  advice,
});
export const wrong = (check: string, what: string, advice: string): Finding => ({
  check,
  is: "wrong",
  what,
  advice,
});

/** `wrong` where some were found, with how many; at most as many as were counted. */
export const noneOf = (
  check: string,
  count: number,
  most: number,
  [fine, what]: readonly [string, string],
  advice: string,
): Finding =>
  count === 0
    ? well(check, fine)
    : wrong(check, `${count < most ? count : `${most} or more`} ${what}`, advice);
