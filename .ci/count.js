// One plain line from vitest's own results, of one run or several: N passed, N failed. A file that broke outside its
// tests counts as one, and so does a run that left no results.
import { existsSync, readFileSync } from "node:fs";

/** @typedef {{ numPassedTests: number, numFailedTests: number, testResults: { status: string, assertionResults: { status: string }[] }[] }} Results */

let passed = 0;
let failed = 0;
for (const path of process.argv.slice(2)) {
  if (!existsSync(path)) {
    failed += 1;
    continue;
  }
  /** @type {Results} */
  const results = JSON.parse(readFileSync(path, "utf8"));
  const broken = results.testResults.filter(
    (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
  );
  passed += results.numPassedTests;
  failed += results.numFailedTests + broken.length;
}
console.log(`${passed} passed, ${failed} failed`);
