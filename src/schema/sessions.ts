import { z } from 'zod';
import { type Held, id, timestamp } from './common.ts';
import { checkCursor, listOf, pageQuery } from './paging.ts';

export const sessionSchema = z
  .object({
    id,
    createdAt: timestamp,
    expiresAt: timestamp,
    userAgent: z.string().nullable().meta({
      description: 'The `User-Agent` that signed in, cut to 500 characters.',
      example: 'curl/8.14.1',
    }),
    address: z.string().meta({
      description: 'The network address that signed in; of IPv6 its /64.',
      example: '192.0.2.1',
    }),
    current: z.boolean().meta({ description: 'Whether the token of this request is of this session.' }),
  })
  .meta({ id: 'Session' });

export const sessionListSchema = listOf('SessionList', sessionSchema);

export type SessionBody = z.infer<typeof sessionSchema>;

/**
 * A session as it goes over the wire.
 * @param currentId the session of the request, if its token names one
 */
export function serializeSession(
  session: Held<Omit<SessionBody, 'current'>, 'createdAt' | 'expiresAt'>,
  currentId: string | undefined,
): SessionBody {
  return {
    id: session.id,
    createdAt: session.createdAt.toISOString(),
    expiresAt: session.expiresAt.toISOString(),
    userAgent: session.userAgent,
    address: session.address,
    current: session.id === currentId,
  };
}

export const sessionQuerySchema = z
  .strictObject(pageQuery)
  .superRefine((query, context) => checkCursor(query, '-createdAt', context, 'none'));
export type SessionQuery = z.output<typeof sessionQuerySchema>;
