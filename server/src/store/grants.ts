/**
 * The grants port: who may publish to a topic, and how users stand to topics.
 *
 * Contract for drivers: as that of the directory port, whose topics these belong to: a topic's grants go with it, and
 * one that is made again has none.
 */
import type { Names, Only, Topic } from "./directory.ts";

export interface Grant {
  readonly user: string;
  /** In milliseconds since the epoch, by the backend's clock. */
  readonly createdAt: number;
}

/** How a user stands to a topic. */
export interface Standing {
  /** Null: there is none. */
  readonly topic: Topic | null;
  readonly granted: boolean;
  readonly follows: boolean;
}

export interface GrantsDriver {
  /**
   * `there`: the user has it already, and nothing changed. `full`: the topic has `most` grants, and nothing changed;
   * exact, whoever grants at the same time. Null when there is no such topic.
   */
  grant(
    topic: string,
    user: string,
    most: number,
    only?: Only | null,
  ): Promise<"made" | "there" | "full" | null>;
  /** False when there was no such grant, or no such topic. */
  revoke(topic: string, user: string, only?: Only | null): Promise<boolean>;
  /** Null when there is none. */
  findGrant(topic: string, user: string): Promise<Grant | null>;
  /** `limit` from 1 to 1,000, users behind `after` ("" from the start). Empty where there is no such topic. */
  listGrants(topic: string, after: string, limit: number): Promise<Names<Grant>>;
  standing(topic: string, user: string): Promise<Standing>;
  /** Those of at most 1,000 users who follow the topic, each once, in any order. */
  following(topic: string, users: readonly string[]): Promise<readonly string[]>;
}
