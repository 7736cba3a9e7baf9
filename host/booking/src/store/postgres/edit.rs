//! Edits of the catalogue, prices and allotments. An edit is alone with its hotel: the lock that each reservation
//! shares is its own, so that rooms are counted once and no night is made by an old number meanwhile.

use deadpool_postgres::Transaction;
use tokio_postgres::Row;
use uuid::Uuid;

use super::Engine;
use super::failure::{Failed, tried};
use super::row::{Values, big, column, date, int, kind_name, text};
use crate::error::{Conflict, Error};
use crate::store::{ChangeKind, Edit, Webhook, Who, edits};
use crate::types::{Allotment, Date, Hotel, HotelCode, Rate, RatePlan, RoomType, TimeUs};

/// An edit with its circumstances.
pub(super) struct Call {
    hotel: HotelCode,
    edit: Edit,
    today: Date,
    who: Who,
    now_us: TimeUs,
    operation: Uuid,
}

/// What the audit log has of an edit.
#[derive(Default)]
struct Seen {
    before: String,
    after: String,
}

impl Call {
    pub(super) fn new(hotel: HotelCode, edit: Edit, today: Date, who: Who, now_us: TimeUs) -> Self {
        Self {
            hotel,
            edit,
            today,
            who,
            now_us,
            operation: Uuid::now_v7(),
        }
    }
}

/// Makes an edit.
pub(super) async fn edit(engine: &Engine, call: Call) -> Result<(), Failed> {
    let shard = engine.shard(&call.hotel);
    let call = &call;
    tried(|lost| async move {
        let mut client = shard.server.connection().await?;
        let edition = Edition {
            transaction: client.transaction().await?,
            call,
        };
        edition.own_hotel().await?;
        if lost > 0 && edition.was_done().await? {
            return Ok(());
        }
        edition.make().await?;
        Ok(edition.transaction.commit().await?)
    })
    .await?;
    shard.ring(&engine.bell);
    Ok(())
}

/// An edit in its transaction.
struct Edition<'t> {
    transaction: Transaction<'t>,
    call: &'t Call,
}

impl Edition<'_> {
    async fn rows(&self, sql: &str, values: Values<'_>) -> Result<Vec<Row>, Failed> {
        let statement = self.transaction.prepare_cached(sql).await?;
        Ok(self.transaction.query(&statement, values).await?)
    }

    async fn opt(&self, sql: &str, values: Values<'_>) -> Result<Option<Row>, Failed> {
        Ok(self.rows(sql, values).await?.pop())
    }

    fn hotel(&self) -> &str {
        self.call.hotel.as_str()
    }

    async fn own_hotel(&self) -> Result<(), Failed> {
        let own = "select booking.own_hotel($1)";
        self.rows(own, &[&self.hotel()]).await.map(|_| ())
    }

    /// Whether an earlier try of this call was done, the answer to which was lost.
    async fn was_done(&self) -> Result<bool, Failed> {
        let subject = edits::subject(&self.call.edit, &self.call.hotel);
        let done =
            "select 1 from booking.audit where hotel = $1 and subject = $2 and operation = $3";
        let values: Values<'_> = &[&self.hotel(), &subject, &self.call.operation];
        Ok(self.opt(done, values).await?.is_some())
    }

    async fn make(&self) -> Result<(), Failed> {
        let edit = &self.call.edit;
        if !matches!(edit, Edit::Hotel(_)) {
            let exists = "select 1 from booking.hotel where hotel = $1";
            let exists = self.opt(exists, &[&self.hotel()]).await?;
            exists.ok_or_else(|| Error::NotFound("hotel".to_owned()))?;
        }
        let seen = match edit {
            Edit::Hotel(hotel) => self.set_hotel(hotel).await?,
            Edit::RoomType(kind) => self.set_room_type(kind).await?,
            Edit::RatePlan(plan) => self.set_rate_plan(plan).await?,
            Edit::Rates(rates) => self.set_rates(rates).await?,
            Edit::Allotments(allotments) => self.set_allotments(allotments).await?,
            Edit::Staff(accounts) => {
                let accounts: Vec<Uuid> = accounts.iter().map(|account| account.0).collect();
                self.set_staff(&accounts).await?
            }
            Edit::AddWebhook(webhook) => self.add_webhook(webhook).await?,
            Edit::RemoveWebhook(id) => self.remove_webhook(id.0).await?,
        };
        self.resize().await?;
        let subject = edits::subject(edit, &self.call.hotel);
        if edits::changes_catalogue(edit) {
            let count = "update booking.hotel set version = version + 1 where hotel = $1";
            self.rows(count, &[&self.hotel()]).await?;
            let tell =
                "insert into booking.feed (hotel, kind, subject, at_us) values ($1, $2, $3, $4)";
            let kind = kind_name(ChangeKind::CatalogueChanged);
            let at_us = big(self.call.now_us);
            self.rows(tell, &[&self.hotel(), &kind, &subject, &at_us])
                .await?;
        }
        self.log(&subject, &seen).await
    }

    async fn log(&self, subject: &str, seen: &Seen) -> Result<(), Failed> {
        const LOG: &str = "insert into booking.audit \
            (hotel, at_us, who, what, subject, operation, before, after) \
            values ($1, $2, $3, $4, $5, $6, $7, $8)";
        let call = self.call;
        self.rows(
            LOG,
            &[
                &self.hotel(),
                &big(call.now_us),
                &serde_json::to_string(&call.who)?,
                &edits::what(&call.edit),
                &subject,
                &call.operation,
                &seen.before,
                &seen.after,
            ],
        )
        .await
        .map(|_| ())
    }

    async fn set_hotel(&self, hotel: &Hotel) -> Result<Seen, Failed> {
        const BEFORE: &str = "select body from booking.hotel where hotel = $1";
        const SET: &str = "insert into booking.hotel (hotel, version, overbooking_percent, body) \
            values ($1, 0, $2, $3) on conflict (hotel) do update set \
            overbooking_percent = excluded.overbooking_percent, body = excluded.body";
        let before = self.body(BEFORE, &[&self.hotel()]).await?;
        let after = serde_json::to_string(hotel)?;
        let percent = int(hotel.overbooking_percent);
        self.rows(SET, &[&self.hotel(), &percent, &after]).await?;
        Ok(Seen { before, after })
    }

    async fn set_room_type(&self, kind: &RoomType) -> Result<Seen, Failed> {
        const BEFORE: &str =
            "select body from booking.room_type where hotel = $1 and room_type = $2";
        const SET: &str = "insert into booking.room_type (hotel, room_type, rooms, body) \
            values ($1, $2, $3, $4) on conflict (hotel, room_type) do update set \
            rooms = excluded.rooms, body = excluded.body";
        let code = kind.code.as_str();
        let before = self.body(BEFORE, &[&self.hotel(), &code]).await?;
        let after = serde_json::to_string(kind)?;
        self.rows(SET, &[&self.hotel(), &code, &int(kind.rooms), &after])
            .await?;
        Ok(Seen { before, after })
    }

    async fn set_rate_plan(&self, plan: &RatePlan) -> Result<Seen, Failed> {
        const BEFORE: &str =
            "select body from booking.rate_plan where hotel = $1 and rate_plan = $2";
        const SET: &str = "insert into booking.rate_plan (hotel, rate_plan, body) values ($1, $2, $3) \
            on conflict (hotel, rate_plan) do update set body = excluded.body";
        let code = plan.code.as_str();
        let before = self.body(BEFORE, &[&self.hotel(), &code]).await?;
        let after = serde_json::to_string(plan)?;
        self.rows(SET, &[&self.hotel(), &code, &after]).await?;
        Ok(Seen { before, after })
    }

    async fn body(&self, sql: &str, values: Values<'_>) -> Result<String, Failed> {
        let row = self.opt(sql, values).await?;
        row.map_or(Ok(String::new()), |row| column(&row, 0))
    }

    async fn set_rates(&self, rates: &[Rate]) -> Result<Seen, Failed> {
        const MISSING: &str = "select s.place from unnest($2::text[], $3::text[]) with ordinality \
                as s(rate_plan, room_type, place) \
            where not exists (select from booking.rate_plan p where p.hotel = $1 and p.rate_plan = s.rate_plan) \
               or not exists (select from booking.room_type t where t.hotel = $1 and t.room_type = s.room_type) \
            limit 1";
        // Of two prices for a night the later one stands.
        const SET: &str = "insert into booking.price (hotel, rate_plan, room_type, night, amount) \
            select distinct on (s.rate_plan, s.room_type, night) $1, s.rate_plan, s.room_type, night, s.amount \
            from unnest($2::text[], $3::text[], $4::integer[], $5::integer[], $6::bigint[]) with ordinality \
                as s(rate_plan, room_type, first, last, amount, place), \
                generate_series(s.first, s.last) as night \
            order by s.rate_plan, s.room_type, night, s.place desc \
            on conflict (hotel, night, rate_plan, room_type) do update set amount = excluded.amount";
        let plans: Vec<&str> = rates.iter().map(|rate| rate.rate_plan.as_str()).collect();
        let types: Vec<&str> = rates.iter().map(|rate| rate.room_type.as_str()).collect();
        let firsts: Vec<i32> = rates.iter().map(|rate| rate.first.days()).collect();
        let lasts: Vec<i32> = rates.iter().map(|rate| rate.last.days()).collect();
        let amounts: Vec<Option<i64>> = rates.iter().map(|rate| rate.price).collect();
        if self
            .opt(MISSING, &[&self.hotel(), &plans, &types])
            .await?
            .is_some()
        {
            return Err(Error::NotFound("rate plan or room type".to_owned()).into());
        }
        let values: Values<'_> = &[&self.hotel(), &plans, &types, &firsts, &lasts, &amounts];
        self.rows(SET, values).await?;
        Ok(Seen {
            before: String::new(),
            after: serde_json::to_string(rates)?,
        })
    }

    /// Sets allotments; what may be sold follows in [`Self::resize`].
    async fn set_allotments(&self, allotments: &[Allotment]) -> Result<Seen, Failed> {
        const MISSING: &str = "select 1 from unnest($2::text[]) as s(room_type) \
            where not exists (select from booking.room_type t where t.hotel = $1 and t.room_type = s.room_type) \
            limit 1";
        const SET: &str = "insert into booking.inventory \
                (hotel, room_type, night, allotment, sellable, reserved, version) \
            select distinct on (s.room_type, night) $1, s.room_type, night, s.rooms, \
                coalesce(s.rooms, booking.sellable(t.rooms, h.overbooking_percent)), 0, 0 \
            from unnest($2::text[], $3::integer[], $4::integer[], $5::integer[]) with ordinality \
                as s(room_type, first, last, rooms, place) \
            join booking.room_type t on t.hotel = $1 and t.room_type = s.room_type \
            join booking.hotel h on h.hotel = $1, \
                generate_series(greatest(s.first, $6), s.last) as night \
            order by s.room_type, night, s.place desc \
            on conflict (hotel, room_type, night) do update set allotment = excluded.allotment";
        let types: Vec<&str> = allotments
            .iter()
            .map(|one| one.room_type.as_str())
            .collect();
        let firsts: Vec<i32> = allotments.iter().map(|one| one.first.days()).collect();
        let lasts: Vec<i32> = allotments.iter().map(|one| one.last.days()).collect();
        let rooms: Vec<Option<i32>> = allotments.iter().map(|one| one.rooms.map(int)).collect();
        if self.opt(MISSING, &[&self.hotel(), &types]).await?.is_some() {
            return Err(Error::NotFound("room type".to_owned()).into());
        }
        let today = self.call.today.days();
        let values: Values<'_> = &[&self.hotel(), &types, &firsts, &lasts, &rooms, &today];
        self.rows(SET, values).await?;
        Ok(Seen {
            before: String::new(),
            after: serde_json::to_string(allotments)?,
        })
    }

    /// Makes what may be sold on nights from today on follow the rooms, the overbooking and the allotments.
    async fn resize(&self) -> Result<(), Failed> {
        const SHORT: &str = "select i.room_type, i.night, i.reserved, \
                coalesce(i.allotment, booking.sellable(t.rooms, h.overbooking_percent)) \
            from booking.inventory i join booking.hotel h using (hotel) \
            join booking.room_type t using (hotel, room_type) \
            where i.hotel = $1 and i.night >= $2 \
              and i.reserved > coalesce(i.allotment, booking.sellable(t.rooms, h.overbooking_percent)) \
            order by i.room_type, i.night limit 1";
        const RESIZE: &str = "update booking.inventory i set version = i.version + 1, \
                sellable = coalesce(i.allotment, booking.sellable(t.rooms, h.overbooking_percent)) \
            from booking.hotel h, booking.room_type t \
            where i.hotel = $1 and i.night >= $2 and h.hotel = $1 \
              and t.hotel = $1 and t.room_type = i.room_type \
              and i.sellable <> coalesce(i.allotment, booking.sellable(t.rooms, h.overbooking_percent))";
        if !matches!(
            self.call.edit,
            Edit::Hotel(_) | Edit::RoomType(_) | Edit::Allotments(_)
        ) {
            return Ok(());
        }
        let values: Values<'_> = &[&self.hotel(), &self.call.today.days()];
        if let Some(row) = self.opt(SHORT, values).await? {
            let sentence = format!(
                "{} rooms of {} are reserved on {}, and {} could be sold.",
                column::<i32>(&row, 2)?,
                column::<&str>(&row, 0)?,
                date(&row, 1)?,
                column::<i32>(&row, 3)?,
            );
            return Err(Error::Conflict(Conflict::InUse, sentence).into());
        }
        self.rows(RESIZE, values).await.map(|_| ())
    }

    async fn set_staff(&self, accounts: &[Uuid]) -> Result<Seen, Failed> {
        const BEFORE: &str =
            "select array_to_json(staff)::text from booking.hotel where hotel = $1";
        const SET: &str = "update booking.hotel set staff = $2 where hotel = $1";
        let before = self.body(BEFORE, &[&self.hotel()]).await?;
        self.rows(SET, &[&self.hotel(), &accounts]).await?;
        Ok(Seen {
            before,
            after: serde_json::to_string(accounts)?,
        })
    }

    async fn add_webhook(&self, webhook: &Webhook) -> Result<Seen, Failed> {
        const ADD: &str = "insert into booking.webhook (hotel, id, url, secret, last_failure) \
            values ($1, $2, $3, $4, $5)";
        let values: Values<'_> = &[
            &self.hotel(),
            &webhook.id.0,
            &text(&webhook.url),
            &text(&webhook.secret),
            &text(&webhook.last_failure),
        ];
        self.rows(ADD, values).await?;
        Ok(Seen {
            before: String::new(),
            // The secret is not for the readers of the log.
            after: serde_json::json!({ "url": webhook.url }).to_string(),
        })
    }

    async fn remove_webhook(&self, id: Uuid) -> Result<Seen, Failed> {
        const REMOVE: &str =
            "delete from booking.webhook where hotel = $1 and id = $2 returning url";
        let removed = self.opt(REMOVE, &[&self.hotel(), &id]).await?;
        let removed = removed.ok_or_else(|| Error::NotFound("webhook".to_owned()))?;
        let url: &str = column(&removed, 0)?;
        Ok(Seen {
            before: serde_json::json!({ "url": url }).to_string(),
            after: String::new(),
        })
    }
}
