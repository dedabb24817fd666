import postgres from 'postgres';
import { readSource } from './declared.ts';

/** What docs/operations.md has the owner of the tables grant to the role of a shop. */
export const documentedGrants =
  readSource('docs/operations.md').match(/^(create role shop_app|grant|alter default privileges) .*;$/gm) ?? [];

const [, password = ''] = /password '([^']*)'/.exec(documentedGrants.join()) ?? [];

/** The same database by the role that `createDocumentedRole` makes. */
export function urlOfRole(ownerUrl: string, role: string): string {
  const url = new URL(ownerUrl);
  [url.username, url.password] = [role, password];
  return url.href;
}

/** Makes a role with no more than the documented grants, in a database that has its tables; answers the URL for it. */
export async function createDocumentedRole(ownerUrl: string, role: string): Promise<string> {
  const owner = postgres(ownerUrl, { max: 1 });
  for (const statement of documentedGrants) await owner.unsafe(statement.replaceAll('shop_app', role));
  await owner.end();
  return urlOfRole(ownerUrl, role);
}
