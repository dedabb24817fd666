import { productBody } from '../domain/bodies.ts';
import { productEtag } from '../domain/products.ts';
import type { ApiServices } from '../services.ts';
import { answerPlainReads, type Env, type Fetch, isPlainRead } from './plain-reads.ts';

const productUrl = /^https?:\/\/[^/?#]+(\/api\/products\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}))$/;
/** What is longer is worth compressing, which the app does. */
const charactersMax = 1_024;

/**
 * Answers reads of products that everyone may see with the current row, in headers as the app once sent them. It spares
 * them the way through router, middleware and validation, which is half of what they cost. Whatever else there is to
 * say, the app says, about the row that was found.
 */
export function withPlainProducts(
  fetch: Fetch,
  services: Pick<ApiServices, 'products' | 'settings' | 'log' | 'metrics'>,
  draining: () => boolean,
): Fetch {
  const answer = answerPlainReads(services);
  let known: Headers | undefined;

  async function give(request: Request, env: Env, path: string, id: string): Promise<Response> {
    const startedAt = performance.now();
    const found = services.products.add(id);
    const product = await found.catch(() => null);
    if (known && product && !product.deletedAt) {
      const body = JSON.stringify(productBody(product, services.settings.currency));
      if (body.length <= charactersMax) {
        const headers = new Headers(known);
        headers.set('ETag', productEtag(product));
        return answer(body, headers, { route: '/api/products/:id', path, startedAt });
      }
    }
    const response = await fetch(request, { ...env, found });
    if (response.status === 200) {
      known = new Headers(response.headers);
      known.delete('Content-Encoding');
    }
    return response;
  }

  return (request, env) => {
    // The address first: every list comes by here, too, and has its headers looked at later.
    const [, path, id] = productUrl.exec(request.url) ?? [];
    return path && id && isPlainRead(request) && !draining() ? give(request, env, path, id) : fetch(request, env);
  };
}
