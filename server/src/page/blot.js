/** What is shown of a frame: without credentials, and not longer than a person reads. Pure. */
import { cut } from "./content.js";

const longest = 4_000;

/** @param {string} text */
export const blotted = (text) =>
  cut(
    text
      .replaceAll(/eyJ[\w-]+\.[\w-]+\.[\w-]*/g, "(token)")
      .replaceAll(/\b(?:ck|ct)_[\w-]{8,}/g, "(secret)")
      .replaceAll(/("token"\s*:\s*")(?:[^"\\]|\\.)*"/g, '$1(token)"'),
    longest,
  );
