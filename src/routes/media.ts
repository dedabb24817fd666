import { createRoute, OpenAPIHono } from '@hono/zod-openapi';
import { notFound } from '../errors.ts';
import { drawPicture } from '../lib/pictures.ts';
import { mayBeKept } from '../middleware/conditional.ts';
import type { AppEnv } from '../middleware/env.ts';
import { problems } from '../middleware/openapi.ts';
import { noQuery } from '../schema/common.ts';
import { pictureParams, pictureSchema } from '../schema/products.ts';

/** The shop's own pictures, which the products of `db:seed` show. */
export function mediaRoutes() {
  return new OpenAPIHono<AppEnv>().openapi(
    createRoute({
      method: 'get',
      path: '/media/{file}',
      operationId: 'getMedia',
      security: [],
      tags: ['Products'],
      summary: 'Get a picture',
      description: 'Gives a picture of the products that the shop is seeded with. Pages of any origin may show them.',
      request: { params: pictureParams, query: noQuery },
      responses: {
        200: { content: { 'image/svg+xml': { schema: pictureSchema } }, description: 'The picture' },
        ...problems('not_found', 'validation_failed'),
      },
    }),
    (c) => {
      const picture = drawPicture(c.req.valid('param').file);
      if (picture === null) throw notFound('picture');
      mayBeKept(c, 'max-age=86400');
      return c.body(picture, 200, { 'Content-Type': 'image/svg+xml' });
    },
  );
}
