import { Database, SQLiteError } from 'bun:sqlite';

/**
 * Takes a lock that the system gives back when this process ends, even by kill -9; a file that names a process would
 * stay. SQLite is the way to such locks that Bun has on every platform.
 * @returns undefined when another process holds it
 */
export function takeLock(file: string): Disposable | undefined {
  const database = new Database(file);
  try {
    database.run('begin exclusive');
    return database;
  } catch (error) {
    database.close();
    if (error instanceof SQLiteError && error.code === 'SQLITE_BUSY') return undefined;
    throw error;
  }
}
