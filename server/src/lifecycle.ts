/**
 * One lifecycle for everything that runs.
 *
 * `start` resolves when the service can do its work and rejects with the reason when it never will.
 * `stop` finishes the work in flight, releases what it holds and resolves; it may be called twice, and before
 * `start`. After `stop` a service is not started again.
 */
export interface Service {
  readonly name: string;
  start(): Promise<void>;
  stop(): Promise<void>;
}
