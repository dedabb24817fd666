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
