/** Where the server writes rows as CSV. */

import type { RowsQuery } from "./queries";

/** As the server takes it: TABLE_CSV_QUERY_CHARS_MAX. */
export const CSV_QUESTION_CHARS_MAX = 32_768;

/** The path of all rows of a question as a file of that name; null when the question is too long. */
export function writeCsvPath(query: RowsQuery, name: string): string | null {
  const told = Object.entries(query).filter(
    ([, value]) => value !== null && !(Array.isArray(value) && value.length === 0),
  );
  const question = JSON.stringify(Object.fromEntries(told));
  if (question.length > CSV_QUESTION_CHARS_MAX) return null;
  return `/api/v1/tables/csv?${new URLSearchParams({ question, name })}`;
}
