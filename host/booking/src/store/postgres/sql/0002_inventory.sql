-- Rooms: counting them, and taking them by one of three strategies.
--
-- Rows are always made, locked and changed in the order of (room type, night), so that two transactions never wait for
-- each other.

-- How many rooms may be sold where there are so many.
create function booking.sellable(p_rooms integer, p_overbooking_percent integer) returns integer
language sql immutable as $$
  select least(p_rooms + p_rooms::bigint * p_overbooking_percent / 100, 2147483647)::integer
$$;

-- Who changes the catalogue is alone with the hotel; who reserves is not alone, but the catalogue stays as it is
-- until the transaction's end.
create function booking.share_hotel(p_hotel text) returns void
language sql as $$
  select pg_advisory_xact_lock_shared(1651470187, hashtext(p_hotel))
$$;

create function booking.own_hotel(p_hotel text) returns void
language sql as $$
  select pg_advisory_xact_lock(1651470187, hashtext(p_hotel))
$$;

-- Makes the rows of nights that have none.
create function booking.open_nights(p_hotel text, p_types text[], p_nights integer[]) returns void
language plpgsql as $$
begin
  insert into booking.inventory (hotel, room_type, night, sellable, reserved, version)
  select p_hotel, s.room_type, s.night, booking.sellable(t.rooms, h.overbooking_percent), 0, 0
  from unnest(p_types, p_nights) as s(room_type, night)
  join booking.room_type t on t.hotel = p_hotel and t.room_type = s.room_type
  join booking.hotel h on h.hotel = p_hotel
  where not exists (
    select from booking.inventory i
    where i.hotel = p_hotel and i.room_type = s.room_type and i.night = s.night)
  order by s.room_type collate "C", s.night
  on conflict do nothing;
end
$$;

-- The strategy `pessimistic`: from here to the transaction's end the rows are this transaction's.
create function booking.lock_nights(p_hotel text, p_types text[], p_nights integer[]) returns void
language plpgsql as $$
begin
  perform from booking.inventory i
  join unnest(p_types, p_nights) as s(room_type, night)
    on i.room_type = s.room_type and i.night = s.night
  where i.hotel = p_hotel
  order by i.room_type, i.night
  for update of i;
end
$$;

-- The first night that has fewer rooms left than are to be taken, as the error that says so; null: there is room.
create function booking.lacking(p_hotel text, p_types text[], p_nights integer[], p_rooms integer[]) returns text
language plpgsql as $$
declare
  refusal text;
begin
  select json_build_object('sold-out', json_build_object(
      'room_type', s.room_type, 'night', s.night, 'left', coalesce(i.sellable - i.reserved, 0)))
  into refusal
  from unnest(p_types, p_nights, p_rooms) with ordinality as s(room_type, night, rooms, place)
  left join booking.inventory i
    on i.hotel = p_hotel and i.room_type = s.room_type and i.night = s.night
  where s.rooms > 0 and s.rooms > coalesce(i.sellable - i.reserved, 0)
  order by s.place
  limit 1;
  return refusal;
end
$$;

-- The versions of nights' rows, in their order; 0 where there is none.
create function booking.versions(p_hotel text, p_types text[], p_nights integer[]) returns bigint[]
language plpgsql as $$
begin
  return array(
    select coalesce(i.version, 0)
    from unnest(p_types, p_nights) with ordinality as s(room_type, night, place)
    left join booking.inventory i
      on i.hotel = p_hotel and i.room_type = s.room_type and i.night = s.night
    order by s.place);
end
$$;

-- Takes rooms (or gives them back, where fewer than none are taken): true if all of them were. Where not, some may
-- have been: the caller rolls back. Rows that are to be taken by the strategy `pessimistic` are locked and were looked
-- at; for `optimistic`, `p_seen` are the versions that were looked at. To give back more than is reserved is a fault of
-- the caller, and the table's CHECK says so.
create function booking.take(
  p_strategy text, p_hotel text, p_types text[], p_nights integer[], p_rooms integer[], p_seen bigint[]
) returns boolean
language plpgsql as $$
declare
  slot record;
begin
  if p_strategy = 'pessimistic' then
    update booking.inventory i set reserved = i.reserved + s.rooms, version = i.version + 1
    from unnest(p_types, p_nights, p_rooms) as s(room_type, night, rooms)
    where i.hotel = p_hotel and i.room_type = s.room_type and i.night = s.night and s.rooms <> 0;
    return true;
  end if;
  for slot in
    select s.* from unnest(p_types, p_nights, p_rooms, p_seen) with ordinality
      as s(room_type, night, rooms, seen, place)
    where s.rooms <> 0 order by s.place
  loop
    if p_strategy = 'optimistic' then
      update booking.inventory i set reserved = i.reserved + slot.rooms, version = i.version + 1
      where i.hotel = p_hotel and i.room_type = slot.room_type and i.night = slot.night and i.version = slot.seen;
    else
      update booking.inventory i set reserved = i.reserved + slot.rooms, version = i.version + 1
      where i.hotel = p_hotel and i.room_type = slot.room_type and i.night = slot.night
        and (slot.rooms < 0 or i.reserved + slot.rooms <= i.sellable);
    end if;
    if not found then
      return false;
    end if;
  end loop;
  return true;
end
$$;
