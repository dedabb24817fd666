import { getTableColumns } from 'drizzle-orm';
import { customers } from '../../db/tables.ts';

const {
  passwordHash: _passwordHash,
  tokenVersion: _tokenVersion,
  erasedAt: _erasedAt,
  ...columns
} = getTableColumns(customers);

/** What is read of an account: all but what signing in and erasing use. */
export const accountColumns = columns;
