import { expect, test } from "vitest";
import { record } from "../conformance/suite.ts";
import { cutIntoRuns, outcomesOf } from "./batch.ts";

const one = record("user:a", { key: "k1", digest: "d1", acceptedAt: 1_000 });
const other = record("user:b", { key: "k1", acceptedAt: 1_000 });

test("of each stream and key the first is sent, and each of its repeats is answered from it", () => {
  const changed = { ...one, digest: "d2" };
  const [run, ...more] = cutIntoRuns([one, other, one, changed], false);
  expect(more).toEqual([]);
  expect(run).toMatchObject({ names: ["user:a", "user:b"], firsts: [one, other], inStream: [1, 2] });
  const answer = { codes: "00", seqs: "7,1", conflicting: null };
  expect(outcomesOf(run!, answer)).toEqual([
    { status: "stored", seq: 7 },
    { status: "stored", seq: 1 },
    { status: "duplicate", seq: 7 },
    { status: "conflict", seq: 7 },
  ]);
});

test("repeats of what conflicts are held to what is kept, and those of a closed stream are closed", () => {
  const kept = { ...one, digest: "d2" };
  const [run] = cutIntoRuns([one, kept, one, other, other], false);
  const answer = { codes: "23", seqs: "4,1", conflicting: ["d2"] };
  expect(outcomesOf(run!, answer)).toEqual([
    { status: "conflict", seq: 4 },
    { status: "duplicate", seq: 4 },
    { status: "conflict", seq: 4 },
    { status: "closed" },
    { status: "closed" },
  ]);
});

test("invariant 12: a repeat that was accepted later is judged after the first was stored", () => {
  const later = { ...one, acceptedAt: 1_001 };
  const runs = cutIntoRuns([one, one, later, other], true);
  expect(runs.map(({ records }) => records)).toEqual([
    [one, one],
    [later, other],
  ]);
  expect(cutIntoRuns([one, later], false)).toHaveLength(1);
});

test("nothing is one empty run", () => {
  const [run] = cutIntoRuns([], true);
  expect(run!.names).toEqual([]);
  expect(outcomesOf(run!, { codes: null, seqs: null, conflicting: null })).toEqual([]);
});
