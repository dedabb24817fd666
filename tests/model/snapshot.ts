import type { CustomerBody } from '../../src/schema/customers.ts';
import type { OrderBody } from '../../src/schema/orders.ts';
import type { ProductBody } from '../../src/schema/products.ts';
import { request } from '../support/client.ts';
import type { ShopView } from './views.ts';
import { readAccount, readOrder, readProduct } from './wire.ts';
import { readMailTokens, urlFor, type World } from './world.ts';

/** Everything that can be seen of a world, and the entity tag of each product. */
export type Snapshot = { view: ShopView; etags: Record<string, string> };

type List<Body> = { data: Body[] };

/** Looks at everything in a world that the API shows, in turns through each of its processes. */
export async function takeSnapshot(world: World, accounts: string[], products: string[]): Promise<Snapshot> {
  const { names } = world;
  let turn = world.callsMade;

  async function read<Body>(path: string) {
    turn += 1;
    const answer = await request<Body>(urlFor(world, turn), 'GET', path, { token: world.adminToken });
    if (answer.status !== 200 && answer.status !== 404) throw new Error(`GET ${path} was answered ${answer.status}.`);
    return answer;
  }

  const [accountAnswers, productAnswers, orderLists, mailTokens, emails] = await Promise.all([
    Promise.all(accounts.map((name) => read<CustomerBody>(`/api/customers/${names.idOf(name)}`))),
    Promise.all(products.map((name) => read<ProductBody>(`/api/products/${names.idOf(name)}`))),
    Promise.all(
      accounts.map((name) =>
        read<List<OrderBody>>(`/api/orders?customerId=${names.idOf(name)}&includeDeleted=true&limit=100`),
      ),
    ),
    readMailTokens(world),
    world.shop.db<{ email: string }[]>`
      select email from customers where email like ${`%@${world.word}.example.com`} and deleted_at is null`,
  ]);
  const orders = orderLists.flatMap(({ body }) => body.data);
  const etags = productAnswers.map(({ headers }, index) => [products[index], headers.get('ETag')]);
  return {
    view: {
      accounts: Object.fromEntries(
        accountAnswers.map(({ status, body }, index) => [
          accounts[index],
          status === 404 || body.deletedAt ? null : readAccount(body),
        ]),
      ),
      products: Object.fromEntries(productAnswers.map(({ body }, index) => [products[index], readProduct(body)])),
      orders: Object.fromEntries(orders.map((order) => [names.nameOf(order.id), readOrder(order, names.nameOf)])),
      mailTokens: Object.fromEntries(
        accounts.flatMap((name) => {
          const kinds = mailTokens.flatMap(({ account, kind }) => (account === names.idOf(name) ? [kind] : []));
          return kinds.length > 0 ? [[name, kinds]] : [];
        }),
      ),
      emails: emails.map(({ email }) => email).sort(),
    },
    etags: Object.fromEntries(etags),
  };
}
