-- UUIDv7 (RFC 9562, section 5.7) for rows that SQL makes: 48 bits of Unix milliseconds, version, variant, random rest.
-- Postgres 18 has one built in; this one also serves the versions before it.
CREATE FUNCTION uuid_v7(at timestamp with time zone DEFAULT clock_timestamp()) RETURNS uuid
LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
  SELECT encode(
    set_byte(
      overlay(
        uuid_send(gen_random_uuid())
        PLACING substring(int8send(floor(extract(epoch FROM at) * 1000)::bigint) FROM 3)
        FROM 1 FOR 6
      ),
      6,
      112 | (get_byte(uuid_send(gen_random_uuid()), 6) & 15)
    ),
    'hex'
  )::uuid
$$;
