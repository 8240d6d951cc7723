/**
 * How much of a stream counts for a user, as text for the functions that ask it. Where it goes, `s` is the stream, `w`
 * what is known of the user there (`since` and the marks, null where there are none) and `at` the time. It joins
 * `c`, with `count` and `unseen`.
 *
 * Everything behind the furthest place counts, less the rows that don't; each single mark is one less behind it, and one
 * more up to it where neither mark has it. So the cost grows with those rows and the single marks.
 */
const isUncounted = "(n.kind <> 0 OR n.expires_at IS NOT NULL) AND (n.kind <> 0 OR n.expires_at <= at)";

export const counting = `
  CROSS JOIN LATERAL (SELECT greatest(w.since, s.trimmed) AS floor, coalesce(w.seen_up_to, 0) AS seen) f
  CROSS JOIN LATERAL (SELECT greatest(f.floor, w.read_up_to, w.archive_up_to) AS place) b
  CROSS JOIN LATERAL (
    SELECT count(*) AS count, count(*) FILTER (WHERE n.seq > f.seen) AS unseen FROM notifications n
    WHERE s.head > b.place AND n.stream_id = s.id AND n.seq > b.place AND n.seq <= s.head AND ${isUncounted}) less
  CROSS JOIN LATERAL (
    SELECT coalesce(sum(one.by), 0) AS count, coalesce(sum(one.by) FILTER (WHERE one.seq > f.seen), 0) AS unseen
    FROM (
      SELECT DISTINCT e.seq, CASE
          WHEN e.seq > b.place THEN -1
          WHEN carillon_is_marked(w.read_up_to, w.read_excepted, e.seq) THEN 0
          WHEN carillon_is_marked(w.archive_up_to, w.archive_excepted, e.seq) THEN 0
          ELSE 1
        END AS by
      FROM unnest(w.read_excepted || w.archive_excepted) AS e(seq) WHERE e.seq > f.floor AND e.seq <= s.head) one
    WHERE one.by <> 0
      AND NOT EXISTS (SELECT FROM notifications n WHERE n.stream_id = s.id AND n.seq = one.seq AND ${isUncounted})) more
  CROSS JOIN LATERAL (
    SELECT greatest(s.head - b.place, 0) - less.count + more.count AS count,
      greatest(s.head - greatest(b.place, f.seen), 0) - less.unseen + more.unseen AS unseen) c`;
