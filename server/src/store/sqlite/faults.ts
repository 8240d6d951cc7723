/**
 * What tests may do to a worker: end it, hang it, or move its clock. A buffer shared with the worker; production
 * passes none.
 */
export const Fault = {
  none: 0,
  dieBeforeCommit: 1,
  dieAfterCommit: 2,
  hangBeforeCommit: 3,
  hangAfterCommit: 4,
  /** In native code, where a thread can't be ended, for some seconds. */
  hangInSqlite: 5,
} as const;
export type Fault = (typeof Fault)[keyof typeof Fault];

const sizeBytes = 16;

export function makeFaults() {
  const buffer = new SharedArrayBuffer(sizeBytes);
  const fault = new Int32Array(buffer, 0, 1);
  const offsetMs = new Float64Array(buffer, 8, 1);
  return {
    buffer,
    /** Strikes once, at the next group. */
    set: (value: Fault): void => void Atomics.store(fault, 0, value),
    advance: (ms: number): void => {
      offsetMs[0] = offsetMs[0]! + ms;
    },
  };
}

export interface FaultPoints {
  now(): number;
  beforeCommit(): void;
  afterCommit(): void;
}

export function makeFaultPoints(
  buffer: SharedArrayBuffer | undefined,
  exec: (sql: string) => void,
): FaultPoints {
  if (!buffer) return { now: () => Date.now(), beforeCommit() {}, afterCommit() {} };
  const fault = new Int32Array(buffer, 0, 1);
  const offsetMs = new Float64Array(buffer, 8, 1);
  const strike = (value: Fault, act: () => void): void => {
    if (Atomics.compareExchange(fault, 0, value, Fault.none) === value) act();
  };
  const die = (): never => process.exit(1);
  const hang = (): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  return {
    now: () => Math.floor(Date.now() + offsetMs[0]!),
    beforeCommit() {
      strike(Fault.dieBeforeCommit, die);
      strike(Fault.hangBeforeCommit, hang);
      strike(Fault.hangInSqlite, () =>
        exec(
          "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 30000000) SELECT max(i) FROM n",
        ),
      );
    },
    afterCommit() {
      strike(Fault.dieAfterCommit, die);
      strike(Fault.hangAfterCommit, hang);
    },
  };
}
