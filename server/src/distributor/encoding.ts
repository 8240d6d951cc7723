/**
 * How a transport wraps one frame's JSON text. Pure, and one object for each transport, shared by all of its
 * sessions: what it makes of a notification is encoded once and shared by everybody who gets it.
 */
export interface Encoding {
  readonly name: "websocket" | "sse" | "poll";
  /** The bytes of one frame. `type` is the JSON's own `type`. */
  frame(type: string, json: string): Buffer;
  /** The bytes that give the client its place after a flush; null where the transport has no such thing. */
  cursor(token: string): Buffer | null;
}
