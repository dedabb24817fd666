import postgres, { type Sql } from 'postgres';

/** Makes a database beside the one of a URL; `options` are those of `create database`. */
export async function createDatabase(url: string, suffix: string, options: string): Promise<string> {
  const target = new URL(url);
  target.pathname += `_${suffix}`;
  const maintenance = postgres(url, { max: 1 });
  await maintenance.unsafe(`create database ${target.pathname.slice(1)} template template0 ${options}`);
  await maintenance.end();
  return target.href;
}

/** Takes a database away, also from those connected to it; `db` leads to another one on the same server. */
export async function dropDatabase(db: Sql, url: string): Promise<void> {
  await db.unsafe(`drop database ${new URL(url).pathname.slice(1)} with (force)`);
}
