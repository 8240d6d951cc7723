// One plain line from vitest's own results: N passed, N failed. A file that broke outside its tests counts as one.
import { readFileSync } from "node:fs";

/** @type {{ numPassedTests: number, numFailedTests: number, testResults: { status: string, assertionResults: { status: string }[] }[] }} */
const results = JSON.parse(readFileSync(/** @type {string} */ (process.argv[2]), "utf8"));
const broken = results.testResults.filter(
  (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
);
console.log(`${results.numPassedTests} passed, ${results.numFailedTests + broken.length} failed`);
