/** Who sits the exam: all that is known of a server. */
export interface Target {
  /** Its base URL, without a slash at the end. */
  readonly url: string;
  /** An API key with the scopes `send`, `topics` and `users`, and any source. */
  readonly key: string;
}
