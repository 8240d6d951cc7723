/**
 * For functions whose statements look a few rows up by an index, however large or small the tables were when they were
 * planned: one plan for all calls (planning over the partitions costs more than reading them), never a whole table, and
 * nothing compiled for what takes less than a millisecond.
 */
export const keptPlans = `SET plan_cache_mode = force_generic_plan
  SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off`;
