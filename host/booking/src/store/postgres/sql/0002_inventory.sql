-- Rooms: counting them, and taking them by one of three strategies.
--
-- Rows are always made, locked and changed in the order of (room type, night), so that two transactions never wait for
-- each other. They are looked up one by one: a join may read all of a hotel instead, where the planner takes it for one
-- of the small ones.

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
  where (
    select i.version from booking.inventory i
    where i.hotel = p_hotel and i.room_type = s.room_type and i.night = s.night) is null
  order by s.room_type collate "C", s.night
  on conflict do nothing;
end
$$;

-- The strategy `pessimistic`: from here to the transaction's end the rows are this transaction's.
create function booking.lock_nights(p_hotel text, p_types text[], p_nights integer[]) returns void
language plpgsql as $$
begin
  for place in 1..cardinality(p_types) loop
    perform from booking.inventory i
    where i.hotel = p_hotel and i.room_type = p_types[place] and i.night = p_nights[place]
    for update;
  end loop;
end
$$;

-- The rows of nights, in their order; where there is none, nothing is left.
create function booking.look(p_hotel text, p_types text[], p_nights integer[])
returns table (place bigint, room_type text, night integer, rooms_left integer, version bigint)
language sql stable as $$
  select s.place, s.room_type, s.night, coalesce(i.rooms_left, 0), coalesce(i.version, 0)
  from unnest(p_types, p_nights) with ordinality as s(room_type, night, place)
  left join lateral (
    select i.sellable - i.reserved as rooms_left, i.version from booking.inventory i
    where i.hotel = p_hotel and i.room_type = s.room_type and i.night = s.night
    limit 1) i on true
  order by s.place
$$;

-- The first night that has fewer rooms left than are to be taken, as the error that says so; null: there is room.
create function booking.lacking(p_hotel text, p_types text[], p_nights integer[], p_rooms integer[]) returns text
language plpgsql as $$
declare
  refusal text;
begin
  select json_build_object('sold-out', json_build_object(
      'room_type', l.room_type, 'night', l.night, 'left', l.rooms_left))
  into refusal
  from booking.look(p_hotel, p_types, p_nights) l
  where p_rooms[l.place] > 0 and p_rooms[l.place] > l.rooms_left
  order by l.place
  limit 1;
  return refusal;
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
begin
  for place in 1..cardinality(p_types) loop
    continue when p_rooms[place] = 0;
    update booking.inventory i set reserved = i.reserved + p_rooms[place], version = i.version + 1
    where i.hotel = p_hotel and i.room_type = p_types[place] and i.night = p_nights[place]
      and (p_strategy <> 'optimistic' or i.version = p_seen[place])
      and (p_strategy <> 'constraint' or p_rooms[place] < 0 or i.reserved + p_rooms[place] <= i.sellable);
    if not found then
      return false;
    end if;
  end loop;
  return true;
end
$$;
