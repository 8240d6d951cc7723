import type { DatabaseSync } from "node:sqlite";
import { failureValueOf, isStorageFault } from "../failure.ts";
import type { FaultPoints } from "../faults.ts";
import type { Answer, Answers, Group, Handlers } from "../wire.ts";

export interface Transaction {
  readonly db: DatabaseSync;
  readonly handlers: Handlers;
  readonly faults: FaultPoints;
  /** The calls that change nothing. */
  readonly looks: ReadonlySet<string>;
  /** A transaction begins now. */
  begin(): void;
  /** Housekeeping that rides along in each transaction, bounded. */
  step(): void;
  committed(): void;
  /** What is known from memory may be of what was rolled back: the whole transaction, or one call of it. */
  rolledBack(whole: boolean): void;
}

/**
 * Runs a group as one transaction. A call that fails alone is undone alone; a failure of the storage fails them
 * all, and nothing was written.
 */
export function makeGroupRunner(transaction: Transaction): (group: Group) => Answers {
  const { db, handlers, looks, faults, begin, step, committed, rolledBack } = transaction;
  const invoke = (name: string, args: readonly unknown[]): Answer => ({
    value: handlers[name]!(...(args as never[])) ?? null,
  });

  const invokeAlone = (name: string, args: readonly unknown[]): Answer => {
    db.exec("SAVEPOINT call");
    try {
      const answer = invoke(name, args);
      db.exec("RELEASE call");
      return answer;
    } catch (error) {
      if (isStorageFault(error) || !db.isTransaction) throw error;
      db.exec("ROLLBACK TO call; RELEASE call");
      rolledBack(false);
      return { failure: failureValueOf(error) };
    }
  };

  const failed = (names: readonly string[], error: unknown): Answers => {
    const failure = failureValueOf(error);
    return { answers: names.map(() => ({ failure })), at: 0 };
  };

  /** Looks only: it answers on a disk that is full or can't be written. */
  const look = ({ names, args }: Group): Answers => {
    begin();
    try {
      db.exec("BEGIN");
      const answers = names.map((name, at) => invoke(name, args[at]!));
      db.exec("COMMIT");
      return { answers, at: faults.now() };
    } catch (error) {
      if (db.isTransaction) db.exec("ROLLBACK");
      return failed(names, error);
    }
  };

  const commit = ({ names, args }: Group): readonly Answer[] => {
    begin();
    db.exec("BEGIN IMMEDIATE");
    const one = names.length === 1 ? invoke : invokeAlone;
    const answers = names.map((name, at) => one(name, args[at]!));
    step();
    faults.beforeCommit();
    db.exec("COMMIT");
    return answers;
  };

  return (group) => {
    if (group.names.every((name) => looks.has(name))) return look(group);
    let answers: readonly Answer[];
    try {
      answers = commit(group);
    } catch (error) {
      if (db.isTransaction) db.exec("ROLLBACK");
      rolledBack(true);
      return failed(group.names, error);
    }
    // Out of the reach of that catch: what fails from here on has been committed, and ends the worker.
    committed();
    faults.afterCommit();
    return { answers, at: faults.now() };
  };
}
