/** Reads an event stream (WHATWG HTML, section 9.2.6), a piece of text at a time. */
export interface ServerEvent {
  readonly type: string;
  readonly data: string;
}

export interface EventStreamEvents {
  readonly event: (event: ServerEvent) => void;
  /** The last event id moved: at the end of any block, with data or without. */
  readonly id: (id: string) => void;
  readonly retry: (ms: number) => void;
  /** Comments keep a connection alive and say nothing. */
  readonly comment: () => void;
}

export function readEventStream(on: EventStreamEvents): (text: string) => void {
  let rest = "";
  let type = "";
  let data: string[] = [];
  let id = "";
  let told = "";

  function line(text: string): void {
    if (text === "") return dispatch();
    const colon = text.indexOf(":");
    if (colon === 0) return on.comment();
    const field = colon < 0 ? text : text.slice(0, colon);
    const value = colon < 0 ? "" : text.slice(colon + 1).replace(/^ /, "");
    if (field === "event") type = value;
    else if (field === "data") data.push(value);
    else if (field === "id" && !value.includes("\0")) id = value;
    else if (field === "retry" && /^\d+$/.test(value)) on.retry(Number(value));
  }

  function dispatch(): void {
    if (id !== told) on.id(id);
    told = id;
    if (data.length > 0) on.event({ type: type || "message", data: data.join("\n") });
    type = "";
    data = [];
  }

  return (text) => {
    const lines = (rest + text).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    for (const one of lines) line(one);
  };
}
