import type { MailWords } from './words.ts';

export const german: MailWords = {
  language: 'de',
  dateLocale: 'de-DE',
  moneyLocale: 'de-DE',
  greeting: (name) => (name === null ? 'Guten Tag,' : `Guten Tag ${name},`),
  total: 'Summe',
  reference: (number, day) => `Bestellung ${number} vom ${day}`,
  shippingAddress: 'Lieferadresse',
  note: 'Ihre Anmerkung',
  shipment: 'Ihre Sendung',
  tracking: 'Sendung verfolgen',
  ofStatus: {
    pending: {
      subject: 'Wir haben Ihre Bestellung erhalten',
      headline: 'Vielen Dank für Ihre Bestellung',
      sentence: 'Wir haben sie erhalten und beginnen bald, sie vorzubereiten.',
    },
    processing: {
      subject: 'Wir bereiten Ihre Bestellung vor',
      headline: 'Ihre Bestellung wird vorbereitet',
      sentence: 'Wir stellen sie zusammen und verpacken sie. Sobald sie unterwegs ist, schreiben wir Ihnen.',
    },
    shipped: {
      subject: 'Ihre Bestellung ist unterwegs',
      headline: 'Ihre Bestellung ist unterwegs',
      sentence: 'Wir haben sie dem Versanddienst übergeben.',
    },
    delivered: {
      subject: 'Ihre Bestellung wurde zugestellt',
      headline: 'Ihre Bestellung wurde zugestellt',
      sentence: 'Wir wünschen Ihnen viel Freude damit.',
    },
    cancelled: {
      subject: 'Ihre Bestellung wurde storniert',
      headline: 'Ihre Bestellung wurde storniert',
      sentence: 'Es wird nichts mehr versandt. Falls Sie schon bezahlt haben, erstatten wir Ihnen den Betrag.',
    },
  },
};
