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
  ofAccount: {
    password_reset: {
      subject: 'Neues Passwort setzen',
      headline: 'Neues Passwort setzen',
      sentences: ['Für das Konto dieser Adresse wurde ein neues Passwort angefordert, hoffentlich von Ihnen.'],
      action: 'Neues Passwort setzen',
      notice: 'Das geht einmal, innerhalb einer Stunde. Wenn Sie das nicht waren, bleibt Ihr Passwort, wie es ist.',
    },
    email_verification: {
      subject: 'Bestätigen Sie Ihre E-Mail-Adresse',
      headline: 'Bestätigen Sie Ihre E-Mail-Adresse',
      sentences: ['Ein Konto unseres Shops hat diese Adresse. Bitte bestätigen Sie, dass sie Ihnen gehört.'],
      action: 'Adresse bestätigen',
      notice: 'Das geht einmal, innerhalb von drei Tagen. Wenn das Konto nicht Ihres ist, brauchen Sie nichts zu tun.',
    },
    password_changed: {
      subject: 'Ihr Passwort wurde geändert',
      headline: 'Ihr Passwort wurde geändert',
      sentences: ['Das Passwort Ihres Kontos wurde geändert, und alle Anmeldungen wurden beendet.'],
      notice: 'Wenn Sie das nicht waren, setzen Sie jetzt ein neues Passwort und melden Sie sich bei uns.',
    },
    email_changed: {
      subject: 'Die E-Mail-Adresse Ihres Kontos wurde geändert',
      headline: 'Die E-Mail-Adresse wurde geändert',
      sentences: [
        'Die E-Mail-Adresse Ihres Kontos wurde geändert. Diese Nachricht geht an die alte und die neue Adresse.',
      ],
      notice: 'Wenn Sie das nicht waren, melden Sie sich bei uns.',
    },
    webhook_disabled: {
      subject: 'Ein Webhook des Shops wurde abgeschaltet',
      headline: 'Ein Webhook wurde abgeschaltet',
      sentences: [
        'Sein Empfänger hat geantwortet, dass es ihn nicht mehr gibt, oder drei Tage lang nichts angenommen.',
      ],
      action: 'Webhook',
      notice:
        'Was ihm zusteht, bleibt als fehlgeschlagen liegen. Schalten Sie den Webhook wieder ein und senden Sie es erneut.',
    },
  },
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
