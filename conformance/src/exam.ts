/** What the command runs: the exam against the server that the environment names. */
import { conformance } from "./suite.ts";

conformance(() => ({ url: process.env["CARILLON_URL"]!, key: process.env["CARILLON_KEY"]! }));
