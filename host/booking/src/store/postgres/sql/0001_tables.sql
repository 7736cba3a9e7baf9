-- What is kept of bookings, in the schema `booking`. Everything of a hotel is on one server: the one that the hash of
-- its code says. Codes compare by bytes. Times are microseconds since the Unix epoch, nights are days since it, money
-- is in minor units. A column `body` or `outcome` has JSON that only the host reads.

create table booking.hotel (
  hotel text collate "C" primary key,
  -- Counts the changes of the catalogue and the prices.
  version bigint not null,
  overbooking_percent integer not null,
  staff uuid[] not null default '{}',
  body text not null
);

create table booking.room_type (
  hotel text collate "C" not null,
  room_type text collate "C" not null,
  rooms integer not null,
  body text not null,
  primary key (hotel, room_type)
);

create table booking.rate_plan (
  hotel text collate "C" not null,
  rate_plan text collate "C" not null,
  body text not null,
  primary key (hotel, rate_plan)
);

-- Prices that are set for dates. Without an amount: not sold.
create table booking.price (
  hotel text collate "C" not null,
  night integer not null,
  rate_plan text collate "C" not null,
  room_type text collate "C" not null,
  amount bigint,
  primary key (hotel, night, rate_plan, room_type)
);
create index price_night on booking.price (night);

-- A row for each night of a room type that somebody asked for. A night without a row has nothing reserved.
-- Pages have room for new versions of their rows, so that taking a room touches no index.
create table booking.inventory (
  hotel text collate "C" not null,
  room_type text collate "C" not null,
  night integer not null,
  -- Rooms that can be sold in place of the room type's, overbooking not included.
  allotment integer,
  -- Rooms that may be sold, overbooking included.
  sellable integer not null,
  reserved integer not null,
  -- Counts the changes of the row.
  version bigint not null,
  primary key (hotel, room_type, night),
  constraint never_oversold check (reserved between 0 and sellable)
) with (fillfactor = 50);

create table booking.reservation (
  hotel text collate "C" not null,
  id uuid not null,
  code text collate "C" not null,
  state text not null,
  arrival integer not null,
  departure integer not null,
  -- Nights from the arrival to before this one are reserved.
  occupied_until integer not null,
  -- In lower case, for finding.
  guest_name text collate "C" not null,
  guest_email text collate "C" not null,
  -- When the host has to look at it again.
  due_us bigint,
  changed_us bigint not null,
  version bigint not null,
  body text not null,
  primary key (hotel, id),
  constraint reservation_code unique (hotel, code)
) with (fillfactor = 80);
create index reservation_due on booking.reservation (due_us) where due_us is not null;
create index reservation_arrival on booking.reservation (hotel, arrival);
create index reservation_departure on booking.reservation (hotel, departure);
create index reservation_changed on booking.reservation (hotel, changed_us, id);
create index reservation_guest_name on booking.reservation (hotel, guest_name);
create index reservation_guest_email on booking.reservation (hotel, guest_email);

-- Idempotency keys with what was decided. `operation` is the call that decided it: a host whose connection was lost
-- looks for its own.
create table booking.idempotency_key (
  hotel text collate "C" not null,
  scope text collate "C" not null,
  key text collate "C" not null,
  fingerprint bytea not null,
  operation uuid not null,
  at_us bigint not null,
  outcome text not null,
  answer_status integer,
  answer_type text,
  answer_headers text,
  answer_body bytea,
  primary key (hotel, scope, key)
);
create index idempotency_key_at on booking.idempotency_key (at_us);

-- What happened. A reader reads in the order of (xid, seq), and only what is below every transaction that still runs:
-- nothing can become visible behind it.
create table booking.feed (
  xid xid8 not null default pg_current_xact_id(),
  seq bigint generated always as identity,
  hotel text collate "C" not null,
  kind text not null,
  subject text not null,
  at_us bigint not null,
  primary key (xid, seq)
);

create table booking.audit (
  hotel text collate "C" not null,
  position bigint generated always as identity,
  at_us bigint not null,
  who text not null,
  what text not null,
  subject text collate "C" not null,
  -- The call that did it.
  operation uuid not null,
  before text not null,
  after text not null,
  primary key (hotel, position)
);
create index audit_subject on booking.audit (hotel, subject, position);

create table booking.waiting (
  hotel text collate "C" not null,
  id uuid not null,
  told_us bigint,
  body text not null,
  primary key (hotel, id)
);

-- Mails that the mail service is to have.
create table booking.mail (
  seq bigint generated always as identity primary key,
  hotel text collate "C" not null,
  id uuid not null unique,
  body text not null
);

create table booking.webhook (
  hotel text collate "C" not null,
  id uuid not null,
  url text not null,
  secret text not null,
  last_failure text not null default '',
  primary key (hotel, id)
);

create table booking.webhook_delivery (
  delivery bigint generated always as identity primary key,
  hotel text collate "C" not null,
  webhook uuid not null,
  reservation uuid not null,
  kind text not null,
  at_us bigint not null,
  tries integer not null default 0,
  due_us bigint not null,
  foreign key (hotel, webhook) references booking.webhook (hotel, id) on delete cascade
);
create index webhook_delivery_next on booking.webhook_delivery (hotel, webhook, delivery);
