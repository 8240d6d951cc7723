/**
 * The text/event-stream format (HTML Living Standard, section "Server-sent events"), as far as frames need it:
 * feed it text in pieces, get whole events. Ids are left alone: our place is known frame by frame.
 */
export interface ServerEvent {
  readonly type: string;
  readonly data: string;
}

export function makeEventParser(take: (event: ServerEvent) => void): (text: string) => void {
  let rest = "";
  let type = "message";
  let data: string[] = [];

  function field(line: string): void {
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "event") type = value;
    if (name === "data") data.push(value);
  }

  function dispatch(): void {
    if (data.length > 0) take({ type, data: data.join("\n") });
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
