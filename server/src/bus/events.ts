/** What a bus between processes tells whoever runs it. Nothing here needs an answer: a bus goes on by itself. */
export interface BusEvents {
  /** It can't be used, and why; again only when the reason is another. `server` never has credentials in it. */
  troubled(server: string, problem: string): void;
  /** It can be used, for the first time or again. */
  recovered(server: string): void;
  /**
   * Messages that nobody will hear.
   * - `away`: the server was away for longer than a message may wait
   * - `full`: too much was waiting already
   * - `size`: larger than the bus can carry
   * - `unreadable`: payloads that arrived, of another version or somebody else's
   */
  dropped(count: number, why: "away" | "full" | "size" | "unreadable"): void;
}
