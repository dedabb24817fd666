import type { MailWords } from './words.ts';

export const english: MailWords = {
  language: 'en',
  dateLocale: 'en-GB',
  moneyLocale: 'en-US',
  greeting: (name) => (name === null ? 'Hello,' : `Hello ${name},`),
  total: 'Total',
  reference: (number, day) => `Order ${number}, placed on ${day}`,
  shippingAddress: 'Shipping address',
  note: 'Your note',
  shipment: 'Your parcel',
  tracking: 'Follow it on its way',
  ofAccount: {
    password_reset: {
      subject: 'Set a new password',
      headline: 'Set a new password',
      sentences: ['Somebody, you we hope, has asked for a new password for the account of this address.'],
      action: 'Set a new password',
      notice: 'It works once, within an hour. If you did not ask for it, leave it alone: your password stays as it is.',
    },
    email_verification: {
      subject: 'Confirm your e-mail address',
      headline: 'Confirm your e-mail address',
      sentences: ['An account of our shop has this address. Please confirm that it is yours.'],
      action: 'Confirm the address',
      notice: 'It works once, within three days. If the account is not yours, leave it alone.',
    },
    password_changed: {
      subject: 'Your password has been changed',
      headline: 'Your password has been changed',
      sentences: [
        'The password of your account has been changed, and everybody who was signed in to it has been signed out.',
      ],
      notice: 'If that was not you, set a new password now, and tell us.',
    },
    email_changed: {
      subject: 'The e-mail address of your account has been changed',
      headline: 'The e-mail address has been changed',
      sentences: [
        'The e-mail address of your account has been changed. The old address and the new one both get this mail.',
      ],
      notice: 'If that was not you, tell us.',
    },
    webhook_disabled: {
      subject: 'A webhook of the shop has been switched off',
      headline: 'A webhook has been switched off',
      sentences: ['Its receiver has answered that it is gone, or has taken nothing for three days.'],
      action: 'Webhook',
      notice: 'What it was owed is kept as failed. Set the webhook again to switch it on, then send what has failed.',
    },
  },
  ofStatus: {
    pending: {
      subject: 'We have received your order',
      headline: 'Thank you for your order',
      sentence: 'We have received it and will begin to prepare it soon.',
    },
    processing: {
      subject: 'We are preparing your order',
      headline: 'Your order is being prepared',
      sentence: 'We are picking and packing it. You will hear from us when it is on its way.',
    },
    shipped: {
      subject: 'Your order is on its way',
      headline: 'Your order is on its way',
      sentence: 'We have handed it to the carrier.',
    },
    delivered: {
      subject: 'Your order has been delivered',
      headline: 'Your order has been delivered',
      sentence: 'We hope that you enjoy it.',
    },
    cancelled: {
      subject: 'Your order has been cancelled',
      headline: 'Your order has been cancelled',
      sentence: 'Nothing more will be sent. If you have paid, the amount will be returned to you.',
    },
  },
};
