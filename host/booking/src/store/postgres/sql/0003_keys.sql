-- Idempotency keys.

-- What a call that decides says: `result` is
--   done       decided now (`outcome` where it is not what was asked for)
--   known      decided before: `outcome`, `operation` and the answer are the first ones
--   reused     the key is another request's
--   in-use     a call with the same key is under way
--   catalogue  the catalogue is another one
--   missing    there is no such hotel, or no such reservation
--   moved      the reservation has another version
--   code       the reservation's code is another's
--   again      what was looked at has changed: try again
create type booking.reply as (
  item integer,
  result text,
  outcome text,
  operation uuid,
  answer_status integer,
  answer_type text,
  answer_headers text,
  answer_body bytea
);

-- What is known of a key; null: nothing, or nothing since `p_forget_us`.
create function booking.known(
  p_hotel text, p_scope text, p_key text, p_fingerprint bytea, p_forget_us bigint
) returns booking.reply
language plpgsql as $$
declare
  reply booking.reply;
begin
  select 1, case when k.fingerprint = p_fingerprint then 'known' else 'reused' end, k.outcome, k.operation,
    k.answer_status, k.answer_type, k.answer_headers, k.answer_body
  into reply
  from booking.idempotency_key k
  where k.hotel = p_hotel and k.scope = p_scope and k.key = p_key and k.at_us > p_forget_us;
  return reply;
end
$$;

-- Keeps what was decided. The caller has the lock of the key, and it is not known.
create function booking.keep(
  p_hotel text, p_scope text, p_key text, p_fingerprint bytea, p_at_us bigint, p_operation uuid, p_outcome text
) returns void
language plpgsql as $$
begin
  insert into booking.idempotency_key as k (hotel, scope, key, fingerprint, operation, at_us, outcome)
  values (p_hotel, p_scope, p_key, p_fingerprint, p_operation, p_at_us, p_outcome)
  on conflict (hotel, scope, key) do update set
    fingerprint = excluded.fingerprint, operation = excluded.operation, at_us = excluded.at_us,
    outcome = excluded.outcome, answer_status = null, answer_type = null, answer_headers = null, answer_body = null;
end
$$;

-- Keeps what was decided, unless the key is known.
create function booking.decide(
  p_hotel text, p_scope text, p_key text, p_fingerprint bytea, p_lock bigint, p_at_us bigint, p_forget_us bigint,
  p_operation uuid, p_outcome text
) returns booking.reply
language plpgsql as $$
declare
  reply booking.reply;
begin
  if not pg_try_advisory_xact_lock(p_lock) then
    reply.result := 'in-use';
    return reply;
  end if;
  reply := booking.known(p_hotel, p_scope, p_key, p_fingerprint, p_forget_us);
  if reply.result is null then
    perform booking.keep(p_hotel, p_scope, p_key, p_fingerprint, p_at_us, p_operation, p_outcome);
    reply.result := 'done';
  end if;
  return reply;
end
$$;

-- Adds to the waiting list, unless the key is known.
create function booking.wait(
  p_hotel text, p_scope text, p_key text, p_fingerprint bytea, p_lock bigint, p_at_us bigint, p_forget_us bigint,
  p_operation uuid, p_id uuid, p_body text
) returns booking.reply
language plpgsql as $$
declare
  reply booking.reply;
begin
  reply := booking.decide(
    p_hotel, p_scope, p_key, p_fingerprint, p_lock, p_at_us, p_forget_us, p_operation, p_body);
  if reply.result = 'done' then
    insert into booking.waiting (hotel, id, body) values (p_hotel, p_id, p_body);
  end if;
  return reply;
end
$$;
