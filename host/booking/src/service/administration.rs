//! What a hotel's staff sets: the interface `administration`.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use concierge_identity::AccountId;
use rand::TryRng;
use rand::rngs::SysRng;

use super::{Booking, not_found};
use crate::authorize;
use crate::cache::Known;
use crate::error::{Conflict, Error, Reason};
use crate::rules::check;
use crate::store::{ChangeKind, Edit, Webhook, Who};
use crate::types::{
    Allotment, Caller, Date, Hotel, HotelCode, Rate, RatePlan, RoomType, WebhookId, WebhookView,
    Zone,
};

impl Booking {
    /// Makes or replaces a hotel. Only administrators make one.
    ///
    /// # Errors
    /// [`Error::Unauthorized`], [`Error::Forbidden`], [`Error::Invalid`], or [`Conflict::InUse`] where less overbooking
    /// leaves fewer rooms than are reserved.
    pub async fn put_hotel(&self, caller: &Caller, hotel: Hotel) -> Result<(), Error> {
        authorize::account(caller)?;
        let known = match self.cache.known(&hotel.code).await {
            Ok(known) => Some(known),
            Err(Error::NotFound(_)) => None,
            Err(error) => return Err(error),
        };
        let who = match &known {
            Some(known) => authorize::staff(caller, &known.catalogue)?,
            None => authorize::administrator(caller)?,
        };
        check::hotel(&hotel)?;
        if let Some(known) = &known
            && known.catalogue.hotel.currency != hotel.currency
            && !known.catalogue.rate_plans.is_empty()
        {
            let detail = "The hotel has prices in its currency, which cannot change.";
            return Err(Error::invalid("currency", Reason::Currency, detail));
        }
        let zone = Zone::named(&hotel.time_zone);
        let zone = zone.ok_or_else(|| not_found("time zone"))?;
        let today = Date::at(self.now_us(), &zone);
        self.edit(hotel.code.clone(), Edit::Hotel(hotel), today, who)
            .await
    }

    /// Makes or replaces a room type.
    ///
    /// # Errors
    /// As [`Self::set_rates`], and [`Conflict::InUse`].
    pub async fn put_room_type(
        &self,
        caller: &Caller,
        hotel: &str,
        room_type: RoomType,
    ) -> Result<(), Error> {
        let (code, known, who) = self.of_staff(caller, hotel).await?;
        check::room_type(&room_type)?;
        let kinds = &known.catalogue.room_types;
        let new = known.catalogue.room_type(&room_type.code).is_none();
        not_too_many(kinds.len(), new, "room types")?;
        let today = self.today(&known);
        self.edit(code, Edit::RoomType(room_type), today, who).await
    }

    /// Makes or replaces a rate plan.
    ///
    /// # Errors
    /// As [`Self::set_rates`].
    pub async fn put_rate_plan(
        &self,
        caller: &Caller,
        hotel: &str,
        rate_plan: RatePlan,
    ) -> Result<(), Error> {
        let (code, known, who) = self.of_staff(caller, hotel).await?;
        check::rate_plan(&rate_plan, &known.catalogue)?;
        let plans = &known.catalogue.rate_plans;
        let new = known.catalogue.rate_plan(&rate_plan.code).is_none();
        not_too_many(plans.len(), new, "rate plans")?;
        let today = self.today(&known);
        self.edit(code, Edit::RatePlan(rate_plan), today, who).await
    }

    /// Sets prices, in their order, all or none.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Unauthorized`], [`Error::Forbidden`] or [`Error::Invalid`].
    pub async fn set_rates(
        &self,
        caller: &Caller,
        hotel: &str,
        rates: Vec<Rate>,
    ) -> Result<(), Error> {
        let (code, known, who) = self.of_staff(caller, hotel).await?;
        check::rates(&rates, &known.catalogue)?;
        let today = self.today(&known);
        self.edit(code, Edit::Rates(rates), today, who).await
    }

    /// Sets allotments, all or none.
    ///
    /// # Errors
    /// As [`Self::set_rates`], and [`Conflict::InUse`].
    pub async fn set_allotments(
        &self,
        caller: &Caller,
        hotel: &str,
        allotments: Vec<Allotment>,
    ) -> Result<(), Error> {
        let (code, known, who) = self.of_staff(caller, hotel).await?;
        check::allotments(&allotments, &known.catalogue)?;
        let today = self.today(&known);
        self.edit(code, Edit::Allotments(allotments), today, who)
            .await
    }

    /// Names who works at a hotel: ids of accounts. Administrators.
    ///
    /// # Errors
    /// As [`Self::set_rates`].
    pub async fn set_staff(
        &self,
        caller: &Caller,
        hotel: &str,
        accounts: &[String],
    ) -> Result<(), Error> {
        let who = authorize::administrator(caller)?;
        let (code, known) = self.known(hotel).await?;
        if accounts.len() > check::STAFF_MAX {
            let detail = format!("At most {}.", check::STAFF_MAX);
            return Err(Error::invalid("accounts", Reason::TooLarge, detail));
        }
        let account = |(index, id): (usize, &String)| {
            id.parse().map_err(|_| {
                let field = format!("accounts.{index}");
                Error::invalid(field, Reason::Malformed, "It is not an account's id.")
            })
        };
        let accounts = accounts.iter().enumerate().map(account);
        let mut accounts: Vec<AccountId> = accounts.collect::<Result<_, _>>()?;
        accounts.sort_unstable();
        accounts.dedup();
        let today = self.today(&known);
        self.edit(code, Edit::Staff(accounts), today, who).await
    }

    /// Who works at a hotel.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Unauthorized`] or [`Error::Forbidden`].
    pub async fn get_staff(&self, caller: &Caller, hotel: &str) -> Result<Vec<AccountId>, Error> {
        let (_, known, _) = self.of_staff(caller, hotel).await?;
        Ok(known.catalogue.staff.to_vec())
    }

    /// Makes a webhook. Gives it with its secret, this once.
    ///
    /// # Errors
    /// As [`Self::set_rates`]; [`Conflict::InUse`] where there are too many.
    pub async fn create_webhook(
        &self,
        caller: &Caller,
        hotel: &str,
        url: &str,
    ) -> Result<WebhookView, Error> {
        let (code, known, who) = self.of_staff(caller, hotel).await?;
        check::webhook_url(url)?;
        let present = self.store.webhooks(&code).await?;
        not_above(present.len(), check::WEBHOOKS_MAX, "webhooks")?;
        let webhook = Webhook {
            id: WebhookId::generate(),
            url: url.to_owned(),
            secret: fresh_secret()?,
            last_failure: String::new(),
        };
        let today = self.today(&known);
        let edit = Edit::AddWebhook(webhook.clone());
        self.edit(code, edit, today, who).await?;
        Ok(WebhookView {
            id: webhook.id,
            url: webhook.url,
            secret: webhook.secret,
            last_failure: String::new(),
        })
    }

    /// The webhooks, without their secrets.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Unauthorized`] or [`Error::Forbidden`].
    pub async fn list_webhooks(
        &self,
        caller: &Caller,
        hotel: &str,
    ) -> Result<Vec<WebhookView>, Error> {
        let (code, _, _) = self.of_staff(caller, hotel).await?;
        let webhooks = self.store.webhooks(&code).await?;
        let views = webhooks.into_iter().map(|webhook| WebhookView {
            id: webhook.id,
            url: webhook.url,
            secret: String::new(),
            last_failure: webhook.last_failure,
        });
        Ok(views.collect())
    }

    /// Removes a webhook.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Unauthorized`] or [`Error::Forbidden`].
    pub async fn delete_webhook(
        &self,
        caller: &Caller,
        hotel: &str,
        id: &str,
    ) -> Result<(), Error> {
        let (code, known, who) = self.of_staff(caller, hotel).await?;
        let id: WebhookId = id.parse().map_err(|_| not_found("webhook"))?;
        let today = self.today(&known);
        self.edit(code, Edit::RemoveWebhook(id), today, who).await
    }

    async fn of_staff(
        &self,
        caller: &Caller,
        hotel: &str,
    ) -> Result<(HotelCode, Arc<Known>, Who), Error> {
        authorize::account(caller)?;
        let (code, known) = self.known(hotel).await?;
        let who = authorize::staff(caller, &known.catalogue)?;
        Ok((code, known, who))
    }

    async fn edit(&self, hotel: HotelCode, edit: Edit, today: Date, who: Who) -> Result<(), Error> {
        self.writes.enter(hotel.as_str())?;
        let now_us = self.now_us();
        self.store
            .edit(hotel.clone(), edit, today, who, now_us)
            .await?;
        self.cache.changed(&hotel, ChangeKind::CatalogueChanged);
        // A search finds it now, not when the feed has come round.
        self.cache.reread(&hotel).await?;
        Ok(())
    }
}

fn not_too_many(present: usize, new: bool, what: &str) -> Result<(), Error> {
    match new {
        true => not_above(present, check::KINDS_MAX, what),
        false => Ok(()),
    }
}

fn not_above(present: usize, max: usize, what: &str) -> Result<(), Error> {
    match present >= max {
        true => {
            let text = format!("A hotel has at most {max} {what}.");
            Err(Error::Conflict(Conflict::InUse, text))
        }
        false => Ok(()),
    }
}

/// The key of a webhook's signatures: 256 random bits.
fn fresh_secret() -> Result<String, Error> {
    let mut bytes = [0; 32];
    SysRng.try_fill_bytes(&mut bytes).map_err(|error| {
        tracing::error!(%error, "the system gives no random bytes");
        Error::Internal
    })?;
    Ok(format!("whsec_{}", URL_SAFE_NO_PAD.encode(bytes)))
}
