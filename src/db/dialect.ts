/**
 * What text means and how it is written on every connection, whatever the database or the role has. These are the
 * parameters that a pooler passes on, PgBouncer among them; `findFaults` looks whether they hold. Not among them is
 * `default_transaction_read_only`: who sets that wants nothing to be written there.
 */
export const dialect = { DateStyle: 'ISO, MDY', TimeZone: 'UTC', standard_conforming_strings: 'on' };
