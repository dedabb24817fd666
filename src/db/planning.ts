import { sql } from 'drizzle-orm';

export const customPlanMark = '/* custom plan */';

/**
 * A condition that is always true, for statements whose best plan depends on their parameters: a word may be in one
 * product or in all of them. After five runs, a prepared statement may get one plan for all that follow.
 */
export const withCustomPlan = sql`true ${sql.raw(customPlanMark)}`;
