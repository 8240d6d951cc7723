/** A line of the log for people: `12:00:01.042 WARN  the store is away  part=0 attempt=2`. */
export function asText(line: string): string {
  const { level, time, msg, err, pid: _, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const at = String(time).slice(11, 23);
  const rest = Object.entries(fields).map(([name, value]) => `${name}=${shown(value)}`);
  const first = [at, String(level).toUpperCase().padEnd(5), String(msg ?? ""), ...rest].join(" ");
  return `${first}\n${err === undefined ? "" : indented(err)}`;
}

const shown = (value: unknown): string =>
  typeof value === "string" && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);

function indented(err: unknown): string {
  const { stack, message } = (typeof err === "object" && err !== null ? err : { message: err }) as Record<
    string,
    unknown
  >;
  return `${String(stack ?? message).replace(/^/gm, "  ")}\n`;
}
