import type { AccountMailKind } from '../../schema/mails.ts';
import type { OrderStatus } from '../../schema/orders.ts';

/** What a mail of an account says. */
export type AccountMailWords = {
  subject: string;
  headline: string;
  sentences: string[];
  /** What a link says, or what stands before a token, or a webhook. */
  action?: string;
  /** After the link. */
  notice: string;
};

/** All that mails say in one language; a language more is one file more. */
export type MailWords = {
  /** BCP 47: by what dates, and by what amounts and names of countries are written. */
  language: string;
  dateLocale: string;
  moneyLocale: string;
  /** `name` is null for somebody whose name is not told. */
  greeting: (name: string | null) => string;
  total: string;
  reference: (number: string, day: string) => string;
  shippingAddress: string;
  note: string;
  shipment: string;
  tracking: string;
  ofAccount: Record<AccountMailKind, AccountMailWords>;
  ofStatus: Record<OrderStatus, { subject: string; headline: string; sentence: string }>;
};
