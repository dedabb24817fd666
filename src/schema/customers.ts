import { z } from 'zod';
import { emailAddress as email } from '../lib/email-address.ts';
import { type Held, id, line, optional, orNull, queryFlag, serializeMoment, text, timestamp } from './common.ts';
import { personName } from './names.ts';
import { checkCursor, listOf, pageQuery } from './paging.ts';
import { password, passwordAttempt } from './passwords.ts';

export const roles = ['customer', 'admin'] as const;
export type Role = (typeof roles)[number];

const phone = z
  .string()
  .regex(/^\+\d{7,15}$/, 'must be E.164: + and 7 to 15 digits')
  .meta({ example: '+4915112345678' });
const name = personName.meta({ example: 'Ada Lovelace' });

export const customerSchema = z
  .object({
    id,
    name: z.string().meta({ example: 'Ada Lovelace' }),
    email: z.string().meta({ example: 'ada@example.com' }),
    emailVerifiedAt: timestamp
      .nullable()
      .meta({ description: 'When it was shown that the address is theirs; null while nobody has.' }),
    phone: z.string().nullable().meta({ example: '+4915112345678' }),
    role: z.enum(roles),
    createdAt: timestamp,
    updatedAt: timestamp,
    deletedAt: timestamp.nullable(),
  })
  .meta({ id: 'Customer' });

export const customerListSchema = listOf('CustomerList', customerSchema);

export type CustomerBody = z.infer<typeof customerSchema>;

/** An account as it goes over the wire. */
export function serializeCustomer(
  customer: Held<CustomerBody, 'emailVerifiedAt' | 'createdAt' | 'updatedAt' | 'deletedAt'>,
): CustomerBody {
  return {
    id: customer.id,
    name: customer.name,
    email: customer.email,
    emailVerifiedAt: serializeMoment(customer.emailVerifiedAt),
    phone: customer.phone,
    role: customer.role,
    createdAt: customer.createdAt.toISOString(),
    updatedAt: customer.updatedAt.toISOString(),
    deletedAt: serializeMoment(customer.deletedAt),
  };
}

export const registrationSchema = z
  .strictObject({ name, email, password, phone: orNull(phone) })
  .meta({ id: 'Registration' });
export type Registration = z.output<typeof registrationSchema>;

/** A code that is only compared, so one of any shape is merely wrong. */
const code = text(1, 100).meta({
  description: 'Of the authenticator app, or a recovery code; blanks and hyphens do not count.',
  example: '492039',
});

export const credentialsSchema = z
  .strictObject({ email, password: passwordAttempt, code: code.optional() })
  .meta({ id: 'Credentials' });

export const totpStartSchema = z.strictObject({ currentPassword: passwordAttempt }).meta({ id: 'TotpStart' });
export const totpConfirmationSchema = z
  .strictObject({ code: code.meta({ description: 'Of the authenticator app.' }) })
  .meta({ id: 'TotpConfirmation' });
export const totpRemovalSchema = z.strictObject({ currentPassword: passwordAttempt, code }).meta({ id: 'TotpRemoval' });

export const totpSchema = z
  .object({
    secret: z
      .string()
      .meta({ description: 'In base 32, for typing it in.', example: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP' }),
    url: z.string().meta({
      description: 'For a QR code that authenticator apps read.',
      example:
        'otpauth://totp/Shop:ada%40example.com?issuer=Shop&secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&algorithm=SHA1&digits=6&period=30',
    }),
  })
  .meta({ id: 'Totp' });

export const recoveryCodesSchema = z
  .object({
    recoveryCodes: z.array(z.string()).meta({
      description: 'Ten, each good once instead of a code of the app. They are shown this once.',
      example: ['k7q2m-94xmz-5tabw-qr6np'],
    }),
  })
  .meta({ id: 'RecoveryCodes' });

export const signedInSchema = z
  .object({
    token: z
      .string()
      .meta({ description: 'For `Authorization: Bearer`.', example: 'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.c2ln' }),
    tokenType: z.literal('Bearer'),
    expiresAt: timestamp,
    customer: customerSchema,
  })
  .meta({ id: 'SignedIn' });

export const passwordChangeSchema = z
  .strictObject({ currentPassword: passwordAttempt, newPassword: password })
  .meta({ id: 'PasswordChange' });

export const forgottenPasswordSchema = z.strictObject({ email }).meta({ id: 'ForgottenPassword' });

/** One of any shape is merely invalid. */
const mailToken = text(1, 1_000).meta({
  description: 'As the mail has it.',
  example: 'AZN5w48AfMGy9B1ujxorPKf0w4tLZVqYd2hYb9mKc7Qx',
});
export const passwordResetSchema = z
  .strictObject({ token: mailToken, newPassword: password })
  .meta({ id: 'PasswordReset' });
export const emailVerificationSchema = z.strictObject({ token: mailToken }).meta({ id: 'EmailVerification' });

export const profileSchema = z.strictObject({ name, email, phone: phone.nullable() }).meta({ id: 'Profile' });
export const emailChangeSchema = z.strictObject({ email }).meta({ id: 'EmailChange' });
export const phoneChangeSchema = z.strictObject({ phone: phone.nullable() }).meta({ id: 'PhoneChange' });

/** An owner shows the password; an admin's wish needs no body. */
export const erasureSchema = z
  .strictObject({ currentPassword: passwordAttempt.optional().meta({ description: 'Required of the owner.' }) })
  .meta({ id: 'Erasure' });

/** What a customer's account can be changed to; fields left out stay. */
export type ProfileChange = Partial<z.output<typeof profileSchema>>;

/** What `admin:create` and the `ADMIN_*` settings hand over. */
export const adminSchema = z.object({ name, email, password });

export const customerQuerySchema = z
  .strictObject({
    ...pageQuery,
    email: optional(email).meta({
      type: 'string',
      format: 'email',
      description: 'Only the account of this e-mail address, in any case.',
      example: 'ada@example.com',
    }),
    q: optional(line(0, 254)).meta({
      type: 'string',
      maxLength: 254,
      description: 'Only accounts whose name or e-mail address begins with this, in any case.',
      example: 'ada',
    }),
    includeDeleted: queryFlag.meta({
      type: 'string',
      enum: ['true', 'false'],
      description: '`true`: deleted accounts, too.',
    }),
  })
  .transform((query) => ({ ...query, q: query.q || undefined }))
  .superRefine((query, context) => checkCursor(query, '-createdAt', context, 'none'));
export type CustomerQuery = z.output<typeof customerQuerySchema>;
