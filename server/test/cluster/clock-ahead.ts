// Loaded before the server: its clock is wrong by SKEW_MS.
const skewMs = Number(process.env["SKEW_MS"]);
const RightDate = Date;
const origin = performance.timeOrigin + skewMs;

globalThis.Date = class extends RightDate {
  constructor(...given: readonly []) {
    if (given.length === 0) super(RightDate.now() + skewMs);
    else super(...given);
  }
  static override now(): number {
    return RightDate.now() + skewMs;
  }
} as DateConstructor;
Object.defineProperty(performance, "timeOrigin", { value: origin });
