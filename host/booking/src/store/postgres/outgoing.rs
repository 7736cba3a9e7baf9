//! What goes out, and the work behind: what is due, mails, webhooks, the waiting list, and what is swept.

use tokio_postgres::Row;
use uuid::Uuid;

use super::failure::{Failed, tried};
use super::reply::{COLUMNS, Key, Reply};
use super::row::{
    Values, big, column, hotel as hotel_column, json, kind, query, query_on, query_opt, text,
    unsigned,
};
use super::{Engine, Shard};
use crate::error::Error;
use crate::store::edits::PRICES_KEPT_DAYS;
use crate::store::{
    Claim, ClaimedKey, Due, FEED_KEPT_US, KEY_KEPT_US, Mail, QueuedMail, Webhook, WebhookDelivery,
};
use crate::types::{
    HotelCode, MailId, ReservationId, TimeUs, US_PER_S, Waiting, WaitingId, WebhookId,
};

/// Microseconds in a day.
const DAY_US: TimeUs = 24 * 3_600 * US_PER_S;

/// Adds to the waiting list.
pub(super) async fn wait(
    shard: &Shard,
    hotel: &HotelCode,
    waiting: Waiting,
    claim: &Claim,
) -> Result<Waiting, Failed> {
    const HOTEL: &str = "select 1 from booking.hotel where hotel = $1";
    let hotel_there = query_opt(shard, HOTEL, &[&hotel.as_str()]).await?;
    hotel_there.ok_or_else(|| Error::NotFound("hotel".to_owned()))?;
    let key = Key::of(
        hotel,
        &ClaimedKey {
            claim: claim.clone(),
            at_us: waiting.created_us,
        },
    );
    let body = serde_json::to_string(&waiting)?;
    let operation = Uuid::now_v7();
    let sql =
        format!("select {COLUMNS} from booking.wait($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)");
    tried(|lost| {
        let (key, sql, body, waiting) = (&key, &sql, &body, &waiting);
        async move {
            let client = shard.server.connection().await?;
            let values: Values<'_> = &[
                &hotel.as_str(),
                &key.scope,
                &key.key,
                &key.fingerprint,
                &key.lock,
                &key.at_us,
                &key.forget_us,
                &operation,
                &waiting.id.0,
                body,
            ];
            let rows = query_on(&client, sql, values).await?;
            let row = rows.first();
            let row = row.ok_or_else(|| Failed::Fault("a function said nothing".to_owned()))?;
            let reply = Reply::of(row)?;
            match (reply.result.as_str(), reply.outcome) {
                ("done", _) => Ok(waiting.clone()),
                ("known", Some(first)) => Ok(serde_json::from_str(&first)?),
                ("reused", _) => Err(Error::KeyReused.into()),
                ("in-use", _) if lost > 0 => {
                    Err(Failed::Lost("an earlier try still runs".to_owned()))
                }
                ("in-use", _) => Err(Error::KeyInUse.into()),
                (other, _) => Err(Failed::Fault(format!("a reply that is unknown: {other}"))),
            }
        }
    })
    .await
}

/// Notes that someone who waits was told, and queues the mail.
pub(super) async fn tell_waiting(
    shard: &Shard,
    hotel: &HotelCode,
    id: WaitingId,
    mail: &Mail,
    now_us: TimeUs,
) -> Result<bool, Failed> {
    const TELL: &str = "with told as (\
            update booking.waiting set told_us = $3 \
            where hotel = $1 and id = $2 and told_us is null returning hotel) \
        insert into booking.mail (hotel, id, body) select hotel, $4, $5 from told returning 1";
    const TOLD: &str = "select told_us from booking.waiting where hotel = $1 and id = $2";
    let body = serde_json::to_string(mail)?;
    let now_us = big(now_us);
    let hotel = hotel.as_str();
    tried(|lost| {
        let body = &body;
        async move {
            let client = shard.server.connection().await?;
            let values: Values<'_> = &[&hotel, &id.0, &now_us, &mail.id.0, body];
            if !query_on(&client, TELL, values).await?.is_empty() {
                return Ok(true);
            }
            let found = query_on(&client, TOLD, &[&hotel, &id.0]).await?;
            let Some(row) = found.first() else {
                return Err(Error::NotFound("place in the waiting list".to_owned()).into());
            };
            // By an earlier try of this call, the answer to which was lost.
            Ok(lost > 0 && column::<Option<i64>>(row, 0)? == Some(now_us))
        }
    })
    .await
}

/// Reservations that are due, of all servers, oldest first.
pub(super) async fn due(engine: &Engine, now_us: TimeUs, max: usize) -> Result<Vec<Due>, Failed> {
    const DUE: &str = "select hotel, id, due_us from booking.reservation \
        where due_us is not null and due_us <= $1 order by due_us limit $2";
    let mut all = Vec::new();
    for shard in &engine.shards {
        for row in query(shard, DUE, &[&big(now_us), &big(max)]).await? {
            all.push(Due {
                hotel: hotel_column(&row, 0)?,
                reservation: ReservationId(column(&row, 1)?),
                due_us: unsigned(column(&row, 2)?),
            });
        }
    }
    all.sort_by_key(|due| due.due_us);
    all.truncate(max);
    Ok(all)
}

/// Mails of all servers, oldest first on each.
pub(super) async fn outbox(engine: &Engine, max: usize) -> Result<Vec<QueuedMail>, Failed> {
    const OUTBOX: &str = "select hotel, body from booking.mail order by seq limit $1";
    let mut all = Vec::new();
    for shard in &engine.shards {
        for row in query(shard, OUTBOX, &[&big(max - all.len())]).await? {
            all.push(QueuedMail {
                hotel: hotel_column(&row, 0)?,
                mail: json(&row, 1)?,
            });
        }
        if all.len() >= max {
            break;
        }
    }
    Ok(all)
}

/// Forgets a mail.
pub(super) async fn mail_sent(shard: &Shard, id: MailId) -> Result<(), Failed> {
    const SENT: &str = "delete from booking.mail where id = $1";
    query(shard, SENT, &[&id.0]).await.map(|_| ())
}

/// The webhooks of a hotel.
pub(super) async fn webhooks(shard: &Shard, hotel: &HotelCode) -> Result<Vec<Webhook>, Failed> {
    const WEBHOOKS: &str = "select id, url, secret, last_failure from booking.webhook \
        where hotel = $1 order by id";
    let rows = query(shard, WEBHOOKS, &[&hotel.as_str()]).await?;
    rows.iter().map(|row| webhook(row, 0)).collect()
}

fn webhook(row: &Row, first: usize) -> Result<Webhook, Failed> {
    Ok(Webhook {
        id: WebhookId(column(row, first)?),
        url: column(row, first + 1)?,
        secret: column(row, first + 2)?,
        last_failure: column(row, first + 3)?,
    })
}

/// The next delivery of each webhook, where it is due, of all servers.
pub(super) async fn deliveries(
    engine: &Engine,
    now_us: TimeUs,
    max: usize,
) -> Result<Vec<WebhookDelivery>, Failed> {
    const DELIVERIES: &str = "select w.id, w.url, w.secret, w.last_failure, w.hotel, \
            d.delivery, d.tries, d.kind, d.at_us, r.body, d.due_us \
        from booking.webhook w \
        cross join lateral (select * from booking.webhook_delivery d \
            where d.hotel = w.hotel and d.webhook = w.id order by d.delivery limit 1) d \
        join booking.reservation r on r.hotel = w.hotel and r.id = d.reservation \
        where d.due_us <= $1 order by d.due_us, d.delivery limit $2";
    let mut all = Vec::new();
    for shard in &engine.shards {
        for row in query(shard, DELIVERIES, &[&big(now_us), &big(max)]).await? {
            let delivery = WebhookDelivery {
                webhook: webhook(&row, 0)?,
                hotel: hotel_column(&row, 4)?,
                delivery: unsigned(column(&row, 5)?),
                tries: u32::try_from(column::<i32>(&row, 6)?).unwrap_or(0),
                kind: kind(&row, 7)?,
                at_us: unsigned(column(&row, 8)?),
                reservation: json(&row, 9)?,
            };
            all.push((column::<i64>(&row, 10)?, delivery));
        }
    }
    all.sort_by_key(|(due_us, _)| *due_us);
    all.truncate(max);
    Ok(all.into_iter().map(|(_, delivery)| delivery).collect())
}

/// Notes how a delivery went.
pub(super) async fn delivered(
    shard: &Shard,
    hotel: &HotelCode,
    webhook: WebhookId,
    delivery: u64,
    failure: Option<(String, Option<TimeUs>)>,
) -> Result<(), Failed> {
    const DONE: &str = "with done as (delete from booking.webhook_delivery \
            where hotel = $1 and webhook = $2 and delivery = $3 returning hotel, webhook) \
        update booking.webhook w set last_failure = $4 from done \
            where w.hotel = done.hotel and w.id = done.webhook";
    // A try is counted once, however often this is said.
    const AGAIN: &str = "with again as (update booking.webhook_delivery \
            set tries = tries + 1, due_us = $5 \
            where hotel = $1 and webhook = $2 and delivery = $3 and due_us <> $5 \
            returning hotel, webhook) \
        update booking.webhook w set last_failure = $4 from again \
            where w.hotel = again.hotel and w.id = again.webhook";
    let (hotel, delivery) = (hotel.as_str(), big(delivery));
    let (why, retry_us) = failure.unwrap_or_default();
    let why = text(&why);
    match retry_us.map(big) {
        None => query(shard, DONE, &[&hotel, &webhook.0, &delivery, &why]).await,
        Some(retry_us) => {
            let values: Values<'_> = &[&hotel, &webhook.0, &delivery, &why, &retry_us];
            query(shard, AGAIN, values).await
        }
    }
    .map(|_| ())
}

/// Removes what is over its time, at most `max` rows; how many went.
pub(super) async fn sweep(engine: &Engine, now_us: TimeUs, max: usize) -> Result<usize, Failed> {
    const KEYS: &str = "delete from booking.idempotency_key where (hotel, scope, key) in (\
        select hotel, scope, key from booking.idempotency_key where at_us <= $1 order by at_us limit $2) \
        and at_us <= $1 returning 1";
    // The oldest are at the head of the primary key.
    const FEED: &str = "delete from booking.feed where (xid, seq) in (\
        select xid, seq from booking.feed order by xid, seq limit $2) and at_us <= $1 returning 1";
    const PRICES: &str = "delete from booking.price where ctid = any (array(\
        select ctid from booking.price where night < $1 order by night limit $2)) returning 1";
    let today = i64::try_from(now_us / DAY_US).unwrap_or(i64::MAX);
    let last_night = today.saturating_sub(i64::from(PRICES_KEPT_DAYS));
    let last_night = super::row::int(last_night);
    let (keys_us, feed_us) = (
        big(now_us.saturating_sub(KEY_KEPT_US)),
        big(now_us.saturating_sub(FEED_KEPT_US)),
    );
    let mut swept = 0;
    for shard in &engine.shards {
        let left = || big(max.saturating_sub(swept));
        swept += query(shard, KEYS, &[&keys_us, &left()]).await?.len();
        let left = || big(max.saturating_sub(swept));
        swept += query(shard, FEED, &[&feed_us, &left()]).await?.len();
        let left = || big(max.saturating_sub(swept));
        swept += query(shard, PRICES, &[&last_night, &left()]).await?.len();
    }
    Ok(swept)
}
