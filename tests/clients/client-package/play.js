// What the client package has to do wherever it runs. The suite judges what comes back.
import { createClient, paginate, ShopError, unwrap } from '@shop/client';

/**
 * @param {string} url the shop
 * @param {string} unsteadyUrl the same shop through a proxy that loses answers
 * @param {string} tag of the products to look at
 */
export async function play(url, unsteadyUrl, tag) {
  let token;
  const shop = createClient(url, { token: () => token });
  const account = {
    email: `${crypto.getRandomValues(new Uint32Array(2)).join('-')}@example.com`,
    password: 'open sesame',
  };
  const { id: customerId } = await unwrap(shop.api.auth.register.$post({ json: { name: 'Ada Lovelace', ...account } }));
  ({ token } = await unwrap(shop.api.auth.login.$post({ json: account })));

  const names = [];
  for await (const { name } of paginate((page) =>
    shop.api.products.$get({ query: { tag, sort: 'name', limit: 2, ...page } }),
  )) {
    names.push(name);
  }
  const found = [];
  for await (const product of paginate((page) =>
    shop.api.products.$get({ query: { q: `${tag} mug`, limit: 2, ...page } }),
  )) {
    found.push(product);
  }
  const [wanted] = found;

  const order = await unwrap(shop.api.orders.$post({ json: { items: [{ productId: wanted.id, quantity: 2 }] } }));
  const refused = await unwrap(
    shop.api.orders.$post({ json: { items: [{ productId: wanted.id, quantity: 999 }] } }),
  ).catch((error) => error);
  const cancelled = await unwrap(shop.api.orders[':id'].$get({ param: { id: order.id } }))
    .then(({ id }) => shop.api.orders.cancel[':id'].$patch({ param: { id } }))
    .then(unwrap);

  const unsteady = createClient(unsteadyUrl, { token });
  const startedMs = Date.now();
  const { id: repeatedId } = await unwrap(
    unsteady.api.orders.$post({ json: { items: [{ productId: wanted.id, quantity: 1 }] } }),
  );
  const repeatedMs = Date.now() - startedMs;
  const orderIds = [];
  for await (const { id } of paginate((page) => shop.api.orders.$get({ query: { limit: 1, ...page } })))
    orderIds.push(id);

  const left = await unwrap(shop.api.auth.logout.$post());
  const signedOut = await unwrap(shop.api.orders.$get()).catch((error) => error);
  return {
    names,
    found: found.length,
    order: { isOwn: order.customerId === customerId, status: order.status },
    refused: {
      isShopError: refused instanceof ShopError,
      code: refused.problem?.code,
      errors: refused.problem?.errors,
    },
    wantedId: wanted.id,
    cancelled: cancelled.status,
    orders: orderIds.length,
    newestIsRepeated: orderIds[0] === repeatedId,
    repeatedMs,
    left: left === undefined,
    signedOut: signedOut.problem?.code,
  };
}
