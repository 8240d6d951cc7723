/**
 * Arrivals that wait for nobody: `send` is called on schedule, whatever became of those before, with the time from
 * which its latency counts. That is the time of the call where the timer was less than its own grain late; a load
 * that falls behind further counts its lateness in.
 */
const timerGrainMs = 1;

export async function arrive(
  perSecond: number,
  count: number,
  send: (startedAt: number) => void,
): Promise<void> {
  const beganAt = performance.now();
  for (let sent = 0; sent < count; sent++) {
    const dueAt = beganAt + (sent * 1_000) / perSecond;
    let now = performance.now();
    if (dueAt > now) {
      await new Promise((resolve) => setTimeout(resolve, dueAt - now));
      now = performance.now();
    }
    send(Math.min(now, dueAt + timerGrainMs));
  }
}

/**
 * Connections of which one is taken for each request, the one that has rested longest: a connection that asks for
 * nothing for a while is closed.
 */
export function makePool<T>(members: readonly T[]): (use: (member: T) => Promise<void>) => void {
  const free = [...members];
  const waiting: ((member: T) => Promise<void>)[] = [];

  async function run(member: T, use: (member: T) => Promise<void>): Promise<void> {
    await use(member);
    const next = waiting.shift();
    if (next === undefined) free.push(member);
    else void run(member, next);
  }

  return (use) => {
    const member = free.shift();
    if (member === undefined) waiting.push(use);
    else void run(member, use);
  };
}
