/**
 * For what may fail many times a second: says the first at once, then at most one per `everyMs`, with the number
 * of those that it kept to itself.
 */
import type { Clock } from "../clock.ts";

export function sparingly(
  clock: Pick<Clock, "now">,
  everyMs: number,
  say: (reason: unknown, kept: number) => void,
): (reason: unknown) => void {
  let saidAt = Number.NEGATIVE_INFINITY;
  let kept = 0;
  return (reason) => {
    const now = clock.now();
    if (now - saidAt < everyMs) {
      kept++;
      return;
    }
    say(reason, kept);
    saidAt = now;
    kept = 0;
  };
}
