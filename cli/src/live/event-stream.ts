/**
 * The text/event-stream format (HTML Living Standard, section "Server-sent events"), as far as frames need it:
 * feed it text in pieces, get whole events.
 */
export interface ServerEvent {
  readonly type: string;
  readonly data: string;
  /** The newest id so far; null before the first. */
  readonly id: string | null;
}

export function makeEventParser(
  take: (event: ServerEvent) => void,
  idIs: (id: string) => void,
): (text: string) => void {
  let rest = "";
  let type = "message";
  let data: string[] = [];
  let id: string | null = null;

  function field(line: string): void {
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "event") type = value;
    if (name === "data") data.push(value);
    if (name === "id" && !value.includes("\0")) {
      id = value;
      idIs(value);
    }
  }

  function dispatch(): void {
    if (data.length > 0) take({ type, data: data.join("\n"), id });
    type = "message";
    data = [];
  }

  return (text) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const each of lines) {
      const line = each.endsWith("\r") ? each.slice(0, -1) : each;
      if (line === "") dispatch();
      else if (!line.startsWith(":")) field(line);
    }
  };
}
