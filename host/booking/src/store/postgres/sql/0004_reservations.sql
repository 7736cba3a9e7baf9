-- Making and changing reservations: each a call, each a transaction.

-- Makes reservations of one hotel: each of them with all that goes with it, or nothing of it but the key with the
-- refusal. Arrays with the names of things have an element for each reservation; `p_slot_…` are the nights that any of
-- them takes, sorted; `p_take_…` says how many rooms which of them takes of which slot, sorted by reservation.
--
-- What is written for those that fit is written first and their rooms are taken last, so that a row that others wait
-- for is held for the shortest time; `pessimistic` looks under its lock, and so holds it longer. Where what was looked
-- at has changed by then, all that was written is rolled back, and it begins again, at most `p_tries` times.
create function booking.reserve(
  p_strategy text, p_tries integer, p_hotel text,
  p_operations uuid[], p_scopes text[], p_keys text[], p_fingerprints bytea[], p_locks bigint[], p_at_us bigint[],
  p_forget_us bigint[], p_catalogues bigint[], p_whos text[], p_whats text[], p_kinds text[],
  p_ids uuid[], p_codes text[], p_states text[], p_arrivals integer[], p_departures integer[],
  p_occupied_untils integer[], p_guest_names text[], p_guest_emails text[], p_due_us bigint[], p_changed_us bigint[],
  p_versions bigint[], p_bodies text[],
  p_slot_types text[], p_slot_nights integer[],
  p_take_items integer[], p_take_slots integer[], p_take_rooms integer[],
  p_mail_items integer[], p_mail_ids uuid[], p_mail_bodies text[]
) returns setof booking.reply
language plpgsql
-- There is one good plan for each statement, whatever the values and the statistics: rows are looked up by their keys.
-- To plan them again for each call would cost half as much as the call.
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
as $$
declare
  count_ constant integer := cardinality(p_ids);
  takes constant integer := cardinality(p_take_items);
  slots constant integer := cardinality(p_slot_types);
  results text[] := array_fill(null::text, array[count_]);
  reply booking.reply;
  found_version bigint;
  open_ integer[];
  lefts integer[];
  seen bigint[];
  sums integer[];
  chosen integer[];
  short integer[];
  refusal text;
  first_ integer;
  at_ integer;
  fits boolean;
  known record;
begin
  perform booking.share_hotel(p_hotel);

  -- Keys first: what was decided stays decided, whatever has changed since.
  for i in 1..count_ loop
    if not pg_try_advisory_xact_lock(p_locks[i]) then
      results[i] := 'in-use';
    end if;
  end loop;
  for known in
    select o.item, k.fingerprint = o.fingerprint as same, k.*
    from unnest(p_scopes, p_keys, p_fingerprints, p_forget_us) with ordinality
      as o(scope, key, fingerprint, forget_us, item)
    cross join lateral (
      select * from booking.idempotency_key k
      where k.hotel = p_hotel and k.scope = o.scope and k.key = o.key and k.at_us > o.forget_us
      limit 1) k
  loop
    if results[known.item] is null then
      results[known.item] := 'told';
      reply := row(known.item, case when known.same then 'known' else 'reused' end, known.outcome, known.operation,
        known.answer_status, known.answer_type, known.answer_headers, known.answer_body);
      return next reply;
    end if;
  end loop;

  select h.version into found_version from booking.hotel h where h.hotel = p_hotel;
  for i in 1..count_ loop
    if results[i] is null and found_version is null then
      results[i] := 'missing';
    elsif results[i] is null and p_catalogues[i] <> found_version then
      results[i] := 'catalogue';
    end if;
  end loop;
  for known in
    select o.item from unnest(p_codes) with ordinality as o(code, item)
    cross join lateral (
      select from booking.reservation r where r.hotel = p_hotel and r.code = o.code limit 1) r
  loop
    results[known.item] := coalesce(results[known.item], 'code');
  end loop;

  open_ := array(select i from generate_series(1, count_) i where results[i] is null);
  if cardinality(open_) > 0 then
    perform booking.open_nights(p_hotel, p_slot_types, p_slot_nights);
    for try_ in 1..p_tries loop
      begin
        if p_strategy = 'pessimistic' then
          perform booking.lock_nights(p_hotel, p_slot_types, p_slot_nights);
        end if;
        -- One look at all of them.
        select array_agg(l.rooms_left order by l.place), array_agg(l.version order by l.place)
        into lefts, seen
        from booking.look(p_hotel, p_slot_types, p_slot_nights) l;

        -- Who fits, in the order in which they came.
        chosen := '{}';
        short := '{}';
        sums := array_fill(0, array[slots]);
        at_ := 1;
        for i in 1..count_ loop
          first_ := at_;
          fits := true;
          while at_ <= takes and p_take_items[at_] = i loop
            fits := fits and p_take_rooms[at_] <= lefts[p_take_slots[at_]];
            at_ := at_ + 1;
          end loop;
          continue when results[i] is not null;
          if fits then
            chosen := chosen || i;
            for t in first_..at_ - 1 loop
              lefts[p_take_slots[t]] := lefts[p_take_slots[t]] - p_take_rooms[t];
              sums[p_take_slots[t]] := sums[p_take_slots[t]] + p_take_rooms[t];
            end loop;
          else
            short := short || i;
          end if;
        end loop;

        if cardinality(chosen) > 0 then
          insert into booking.reservation (
            hotel, id, code, state, arrival, departure, occupied_until, guest_name, guest_email, due_us, changed_us,
            version, body)
          select p_hotel, r.id, r.code, r.state, r.arrival, r.departure, r.occupied_until, r.guest_name,
            r.guest_email, r.due_us, r.changed_us, r.version, r.body
          from unnest(p_ids, p_codes, p_states, p_arrivals, p_departures, p_occupied_untils, p_guest_names,
            p_guest_emails, p_due_us, p_changed_us, p_versions, p_bodies) with ordinality
            as r(id, code, state, arrival, departure, occupied_until, guest_name, guest_email, due_us, changed_us,
              version, body, item)
          where r.item = any (chosen);

          insert into booking.idempotency_key as k (hotel, scope, key, fingerprint, operation, at_us, outcome)
          select p_hotel, o.scope, o.key, o.fingerprint, o.operation, o.at_us, '{"Ok":' || o.body || '}'
          from unnest(p_scopes, p_keys, p_fingerprints, p_operations, p_at_us, p_bodies) with ordinality
            as o(scope, key, fingerprint, operation, at_us, body, item)
          where o.item = any (chosen)
          on conflict (hotel, scope, key) do update set
            fingerprint = excluded.fingerprint, operation = excluded.operation, at_us = excluded.at_us,
            outcome = excluded.outcome, answer_status = null, answer_type = null, answer_headers = null,
            answer_body = null;

          insert into booking.audit (hotel, at_us, who, what, subject, operation, before, after)
          select p_hotel, o.changed_us, o.who, o.what, o.id::text, o.operation, '', o.body
          from unnest(p_changed_us, p_whos, p_whats, p_ids, p_operations, p_bodies) with ordinality
            as o(changed_us, who, what, id, operation, body, item)
          where o.item = any (chosen)
          order by o.item;

          insert into booking.feed (hotel, kind, subject, at_us)
          select p_hotel, o.kind, o.id::text, o.changed_us
          from unnest(p_kinds, p_ids, p_changed_us) with ordinality as o(kind, id, changed_us, item)
          where o.item = any (chosen) and o.kind <> ''
          order by o.item;

          insert into booking.webhook_delivery (hotel, webhook, reservation, kind, at_us, due_us)
          select p_hotel, w.id, o.id, o.kind, o.changed_us, o.changed_us
          from unnest(p_kinds, p_ids, p_changed_us) with ordinality as o(kind, id, changed_us, item)
          join booking.webhook w on w.hotel = p_hotel
          where o.item = any (chosen) and o.kind <> ''
          order by o.item;

          if cardinality(p_mail_items) > 0 then
            insert into booking.mail (hotel, id, body)
            select p_hotel, m.id, m.body
            from unnest(p_mail_items, p_mail_ids, p_mail_bodies) with ordinality as m(item, id, body, place)
            where m.item = any (chosen)
            order by m.place;
          end if;

          if not booking.take(p_strategy, p_hotel, p_slot_types, p_slot_nights, sums, seen) then
            raise sqlstate 'CB002';
          end if;
        end if;
        exit;
      exception when sqlstate 'CB002' then
        chosen := null;
      end;
    end loop;
    if chosen is null then
      chosen := '{}';
      short := '{}';
    end if;

    -- Those that did not fit are looked at once more, now that the others have their rooms: a refusal is to be true.
    foreach at_ in array short loop
      select booking.lacking(p_hotel, array_agg(p_slot_types[t.slot] order by t.slot),
        array_agg(p_slot_nights[t.slot] order by t.slot), array_agg(t.rooms order by t.slot))
      into refusal
      from unnest(p_take_items, p_take_slots, p_take_rooms) as t(item, slot, rooms)
      where t.item = at_;
      if refusal is not null then
        refusal := '{"Err":' || refusal || '}';
        perform booking.keep(p_hotel, p_scopes[at_], p_keys[at_], p_fingerprints[at_], p_at_us[at_],
          p_operations[at_], refusal);
        results[at_] := 'told';
        reply := row(at_, 'done', refusal, p_operations[at_], null, null, null, null);
        return next reply;
      end if;
    end loop;
    foreach at_ in array chosen loop
      results[at_] := 'done';
    end loop;
  end if;

  for i in 1..count_ loop
    if results[i] is distinct from 'told' then
      reply := row(i, coalesce(results[i], 'again'), null, p_operations[i], null, null, null, null);
      return next reply;
    end if;
  end loop;
end
$$;

-- Changes a reservation that has the version `p_version`, with all that goes with it. Without `p_key` there is no
-- idempotency key. `p_types`, `p_nights` and `p_rooms` are the rooms to take and to give back, sorted.
create function booking.change(
  p_strategy text, p_tries integer, p_hotel text, p_id uuid, p_version bigint, p_catalogue bigint,
  p_scope text, p_key text, p_fingerprint bytea, p_lock bigint, p_at_us bigint, p_forget_us bigint,
  p_operation uuid, p_now_us bigint, p_who text, p_what text, p_kind text,
  p_state text, p_arrival integer, p_departure integer, p_occupied_until integer, p_guest_name text,
  p_guest_email text, p_due_us bigint, p_changed_us bigint, p_new_version bigint, p_body text,
  p_types text[], p_nights integer[], p_rooms integer[],
  p_mail_ids uuid[], p_mail_bodies text[]
) returns booking.reply
language plpgsql
set enable_seqscan = off
set plan_cache_mode = force_generic_plan
as $$
declare
  reply booking.reply;
  found_version bigint;
  before_ text;
  refusal text;
  seen bigint[];
begin
  perform booking.share_hotel(p_hotel);
  if p_key is not null then
    if not pg_try_advisory_xact_lock(p_lock) then
      reply.result := 'in-use';
      return reply;
    end if;
    reply := booking.known(p_hotel, p_scope, p_key, p_fingerprint, p_forget_us);
    if reply.result is not null then
      return reply;
    end if;
  end if;
  if p_catalogue is not null then
    select h.version into found_version from booking.hotel h where h.hotel = p_hotel;
    if found_version is distinct from p_catalogue then
      reply.result := 'catalogue';
      return reply;
    end if;
  end if;
  select r.version, r.body into found_version, before_
  from booking.reservation r where r.hotel = p_hotel and r.id = p_id for update;
  if not found then
    reply.result := 'missing';
    return reply;
  elsif found_version <> p_version then
    reply.result := 'moved';
    return reply;
  end if;

  perform booking.open_nights(p_hotel, p_types, p_nights);
  for try_ in 1..p_tries loop
    if p_strategy = 'pessimistic' then
      perform booking.lock_nights(p_hotel, p_types, p_nights);
    elsif p_strategy = 'optimistic' then
      seen := array(select l.version from booking.look(p_hotel, p_types, p_nights) l order by l.place);
    end if;
    refusal := booking.lacking(p_hotel, p_types, p_nights, p_rooms);
    if refusal is not null then
      reply.result := 'done';
      reply.outcome := '{"Err":' || refusal || '}';
      if p_key is not null then
        perform booking.keep(p_hotel, p_scope, p_key, p_fingerprint, p_at_us, p_operation, reply.outcome);
      end if;
      return reply;
    end if;
    begin
      update booking.reservation r set
        state = p_state, arrival = p_arrival, departure = p_departure, occupied_until = p_occupied_until,
        guest_name = p_guest_name, guest_email = p_guest_email, due_us = p_due_us, changed_us = p_changed_us,
        version = p_new_version, body = p_body
      where r.hotel = p_hotel and r.id = p_id;
      if p_key is not null then
        perform booking.keep(
          p_hotel, p_scope, p_key, p_fingerprint, p_at_us, p_operation, '{"Ok":' || p_body || '}');
      end if;
      insert into booking.audit (hotel, at_us, who, what, subject, operation, before, after)
      values (p_hotel, p_now_us, p_who, p_what, p_id::text, p_operation, before_, p_body);
      if p_kind <> '' then
        insert into booking.feed (hotel, kind, subject, at_us) values (p_hotel, p_kind, p_id::text, p_now_us);
        insert into booking.webhook_delivery (hotel, webhook, reservation, kind, at_us, due_us)
        select p_hotel, w.id, p_id, p_kind, p_now_us, p_now_us from booking.webhook w where w.hotel = p_hotel;
      end if;
      insert into booking.mail (hotel, id, body)
      select p_hotel, m.id, m.body
      from unnest(p_mail_ids, p_mail_bodies) with ordinality as m(id, body, place)
      order by m.place;
      if not booking.take(p_strategy, p_hotel, p_types, p_nights, p_rooms, seen) then
        raise sqlstate 'CB002';
      end if;
      reply.result := 'done';
      return reply;
    exception when sqlstate 'CB002' then
      null;
    end;
  end loop;
  reply.result := 'again';
  return reply;
end
$$;
