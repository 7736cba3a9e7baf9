//! Push subscriptions, in the directory.

use concierge_identity::AccountId;
use concierge_sqlite::WriteTx;
use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use super::log;
use super::{Failure, SqliteStore};
use crate::error::Error;
use crate::store::{Answer, KeptPush, PushStore};
use crate::types::{Push, PushId};

const OF_PRINCIPAL: &str = "SELECT * FROM push WHERE principal = ?1 ORDER BY id";

const TO_TELL: &str = "SELECT * FROM push WHERE principal = ?1
    OR principal IN (SELECT principal FROM share WHERE account = ?1) ORDER BY principal, id";

impl PushStore for SqliteStore {
    fn pushes(&self, principal: AccountId) -> Answer<'_, Vec<KeptPush>> {
        Box::pin(async move {
            self.directory
                .read("pushes", |c| select(c, OF_PRINCIPAL, principal))
        })
    }

    fn pushes_to_tell(&self, account: AccountId) -> Answer<'_, Vec<KeptPush>> {
        Box::pin(async move {
            self.directory
                .read("pushes_to_tell", |c| select(c, TO_TELL, account))
        })
    }

    fn put_push(&self, push: KeptPush) -> Answer<'_, ()> {
        let put = move |tx: &WriteTx<'_>| Ok(put(tx, &push)?);
        Box::pin(self.directory.writer.write("put_push", put))
    }

    fn delete_push(&self, principal: AccountId, id: PushId) -> Answer<'_, ()> {
        let delete = move |tx: &WriteTx<'_>| {
            let deleted = tx
                .prepare_cached("DELETE FROM push WHERE principal = ?1 AND id = ?2")?
                .execute([principal.0.as_bytes(), id.0.as_bytes()])?;
            match deleted {
                0 => Err(Error::NotFound.into()),
                _ => Ok(()),
            }
        };
        Box::pin(self.directory.writer.write("delete_push", delete))
    }
}

fn put(tx: &WriteTx<'_>, kept: &KeptPush) -> rusqlite::Result<()> {
    let push = &kept.push;
    let types: Vec<u8> = push.types.iter().copied().map(log::type_number).collect();
    tx.prepare_cached(
        "INSERT OR REPLACE INTO push VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![
        kept.principal.0.as_bytes(),
        push.id.0.as_bytes(),
        push.device_client_id,
        push.url,
        push.keys.as_ref().map(|(public_key, _)| public_key),
        push.keys.as_ref().map(|(_, secret)| secret),
        push.verification_code.is_some(),
        kept.code,
        push.expires_us,
        types,
    ])?;
    Ok(())
}

fn select(connection: &Connection, sql: &str, of: AccountId) -> Result<Vec<KeptPush>, Failure> {
    let mut select = connection.prepare_cached(sql)?;
    let pushes = select.query_map([of.0.as_bytes()], read)?;
    Ok(pushes.collect::<Result<_, _>>()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<KeptPush> {
    let (public_key, secret): (Option<String>, Option<String>) = (row.get(4)?, row.get(5)?);
    let types: Vec<u8> = row.get(9)?;
    let known = |&number: &u8| {
        let unknown = rusqlite::Error::IntegralValueOutOfRange(9, number.into());
        log::type_of_number(number).ok_or(unknown)
    };
    let (is_verified, code): (bool, String) = (row.get(6)?, row.get(7)?);
    Ok(KeptPush {
        principal: AccountId(Uuid::from_bytes(row.get(0)?)),
        push: Push {
            id: PushId(Uuid::from_bytes(row.get(1)?)),
            device_client_id: row.get(2)?,
            url: row.get(3)?,
            keys: public_key.zip(secret),
            verification_code: is_verified.then(|| code.clone()),
            expires_us: row.get(8)?,
            types: types.iter().map(known).collect::<Result<_, _>>()?,
        },
        code,
    })
}
