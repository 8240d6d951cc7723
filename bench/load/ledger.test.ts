import { expect, test } from "vitest";
import { makeLedger, type Place } from "./ledger.ts";

/** Three notifications in one stream, stored as seqs 1 to 3, and a client that follows it. */
function stage() {
  const ledger = makeLedger(10);
  const place: Place = { stream: 7, last: 0 };
  for (const seq of [1, 2, 3]) ledger.stored(ledger.send(7), seq);
  const take = (id: number, seq: number, prev = seq - 1): void =>
    ledger.take(place, { topic: false, id, seq, prev });
  return { take, audit: () => ledger.audit([place]) };
}

test("an audit of what arrived whole, once and in order finds nothing", () => {
  const { take, audit } = stage();
  for (const id of [0, 1, 2]) take(id, id + 1);
  expect(audit()).toEqual({ notifications: 3, deliveries: 3, lost: 0, repeated: 0, wrong: 0 });
});

test.each([
  [
    "the last is missing",
    [
      [0, 1],
      [1, 2],
    ],
    { lost: 1, wrong: 1 },
  ],
  ["nothing came", [], { lost: 3, wrong: 3 }],
  [
    "one is left out",
    [
      [0, 1],
      [2, 3, 1],
    ],
    { wrong: 2 },
  ],
  [
    "one comes twice",
    [
      [0, 1],
      [1, 2],
      [1, 2],
      [2, 3],
    ],
    { repeated: 1 },
  ],
  [
    "two change places",
    [
      [0, 1],
      [2, 3, 1],
      [1, 2],
      [2, 3],
    ],
    { repeated: 1, wrong: 1 },
  ],
  [
    "two have each other's seq",
    [
      [0, 1],
      [2, 2],
      [1, 3],
    ],
    { wrong: 2 },
  ],
  [
    "another's comes",
    [
      [0, 1],
      [1, 2],
      [2, 3],
      [9, 4],
    ],
    { wrong: 1 },
  ],
] as const)("an audit sees when %s", (_, taken, faults) => {
  const { take, audit } = stage();
  for (const [id, seq, prev] of taken as readonly (readonly [number, number, number?])[]) take(id, seq, prev);
  expect(audit()).toMatchObject({ lost: 0, repeated: 0, wrong: 0, ...faults });
});

test("where producers aren't told the seqs, an audit counts them", () => {
  const ledger = makeLedger(10);
  const place: Place = { stream: 7, last: 0 };
  const ids = [ledger.send(7), ledger.send(7), ledger.send(7)];
  for (const id of ids) ledger.stored(id, null);
  const take = (id: number, seq: number): void =>
    ledger.take(place, { topic: false, id, seq, prev: seq - 1 });
  take(ids[1]!, 1);
  take(ids[0]!, 2);
  expect(ledger.audit([place])).toMatchObject({ lost: 1, repeated: 0, wrong: 1 });
  take(ids[2]!, 3);
  expect(ledger.audit([place])).toMatchObject({ lost: 0, repeated: 0, wrong: 0 });
});
