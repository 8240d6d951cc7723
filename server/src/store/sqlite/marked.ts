/** The SQL that says what a user has marked, for every query that asks: join a mark, then ask it about a seq. */
import type { MarkKind } from "@carillon/protocol/marks";
import { markCodes } from "../marks.ts";

/** `user` and `stream` are SQL of their ids; where nothing was ever marked, its columns are null. */
export const joinMark = (as: string, kind: MarkKind, user: string, stream: string): string =>
  `LEFT JOIN marks AS ${as}
     ON ${as}.user_id = ${user} AND ${as}.stream_id = ${stream} AND ${as}.kind = ${markCodes[kind]}`;

/** 1 or 0: whether the joined mark has the seq, which is SQL too. */
export const isMarkedIn = (as: string, seq: string): string =>
  `coalesce((${seq} <= ${as}.up_to) <> (${seq} IN (SELECT value FROM json_each(${as}.excepted))), 0)`;
