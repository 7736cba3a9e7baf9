//! Reservations from the hold to the departure: the interface `reservations`.

use std::sync::Arc;

use super::{Booking, CHANGED_TRIES, NO_VERSION, check_claim, not_found};
use crate::authorize::{self, Access};
use crate::cache::Known;
use crate::error::{Conflict, Error};
use crate::letters::Desk;
use crate::rules::price::{Agreed, NightPrices, Prices};
use crate::rules::{action, check, price};
use crate::store::{
    ChangeKind, Changed, ClaimedKey, Decided, Effects, Filter, RecordedAnswer, Reserve, Rule,
    Transition, Who,
};
use crate::types::{
    Action, Caller, Date, DecidedView, HotelCode, Idempotency, Price, Request, Reservation,
    ReservationCode, ReservationId, ReservationPage, ReservationView, State, Stay, TimeUs,
    US_PER_S,
};

/// Most reservations of a page.
const RESERVATIONS_MAX: u32 = 200;
/// Longest text that reservations are looked for by, bytes.
const MATCHING_MAX_BYTES: usize = 254;

impl Booking {
    /// Holds the rooms of a stay: all nights of all rooms, or none. `client` is the client's address.
    ///
    /// # Errors
    /// What was not decided on the tables; what was is in the outcome.
    pub async fn create(
        &self,
        caller: &Caller,
        hotel: &str,
        request: Request,
        idempotency: Idempotency,
        client: &str,
    ) -> Result<DecidedView, Error> {
        let (hotel, _) = self.open(hotel).await?;
        self.writes.enter(hotel.as_str())?;
        let key = self.claim(caller, &idempotency)?;
        let claim = &key.claim;
        let _under_way = self.keys.enter(hotel.as_str(), &claim.scope, &claim.key)?;
        let who = match caller {
            Caller::Account(principal) => Who::Account(principal.account),
            Caller::Anyone | Caller::Guest(_) => Who::Guest,
        };
        let decided = self.reserve(&hotel, &request, &key, &who).await?;
        tracing::debug!(%hotel, client, now = decided.now, "create");
        if decided.now {
            count("create", decided.outcome.as_ref().err());
            if let Ok(reservation) = &decided.outcome {
                self.after_change(reservation);
            }
        }
        Ok(self.decided(decided, true))
    }

    async fn reserve(
        &self,
        hotel: &HotelCode,
        request: &Request,
        key: &ClaimedKey,
        who: &Who,
    ) -> Result<Decided, Error> {
        let mut from_store = false;
        for _ in 0..CHANGED_TRIES {
            let priced = self.priced(hotel, request, from_store).await;
            let (known, price) = match priced {
                Ok(priced) => priced,
                // It may have been decided when it still could be.
                Err(error) => return self.replay(hotel, request, key, who, error).await,
            };
            let version = known.catalogue.version;
            let reserve = reserve_of(&known, request, price, version, key, who);
            match self.store.reserve(reserve).await? {
                Ok(decided) => return Ok(decided),
                Err(Changed::Catalogue) => {
                    self.cache.changed(hotel, ChangeKind::CatalogueChanged);
                    from_store = true;
                }
            }
        }
        Err(Error::SlowDown(1))
    }

    /// Checks a request and prices it: from memory, since the store checks the version, or from the store.
    async fn priced(
        &self,
        hotel: &HotelCode,
        request: &Request,
        from_store: bool,
    ) -> Result<(Arc<Known>, Price), Error> {
        check::guest(&request.guest)?;
        let stay = &request.stay;
        let kept = match from_store || stay.departure <= stay.arrival {
            true => None,
            false => self.cache.maybe_stale(hotel, stay.arrival, stay.departure),
        };
        let (known, price) = match kept {
            Some((known, windows)) => {
                let price = self.price(&known, &windows, stay);
                // What is wrong may be wrong only with what is kept.
                match price {
                    Ok(price) => (known, price),
                    Err(_) => self.priced_by_store(hotel, stay).await?,
                }
            }
            None => self.priced_by_store(hotel, stay).await?,
        };
        match request.agreed_total {
            Some(agreed) if agreed != price.total => {
                let text = format!("The price is {} now, in minor units.", price.total);
                Err(Error::Conflict(Conflict::Price, text))
            }
            _ => Ok((known, price)),
        }
    }

    async fn priced_by_store(
        &self,
        hotel: &HotelCode,
        stay: &Stay,
    ) -> Result<(Arc<Known>, Price), Error> {
        let known = self.cache.reread(hotel).await?;
        // Before the nights are read: there are as many as someone wrote into a request.
        crate::rules::limits::check_stay(&known.catalogue, stay, self.today(&known))?;
        let nights = self
            .store
            .nights(hotel, stay.arrival, stay.nights())
            .await?;
        let price = self.price(&known, &Prices::of(&nights), stay)?;
        Ok((known, price))
    }

    fn price(&self, known: &Known, prices: &impl NightPrices, stay: &Stay) -> Result<Price, Error> {
        price::price_stay(&known.catalogue, prices, stay, self.today(known))
    }

    /// What the key decided before; else the error.
    async fn replay(
        &self,
        hotel: &HotelCode,
        request: &Request,
        key: &ClaimedKey,
        who: &Who,
        error: Error,
    ) -> Result<Decided, Error> {
        let known = self.cache.known(hotel).await?;
        let price = Price {
            currency: known.catalogue.hotel.currency.clone(),
            currency_digits: known.currency_digits,
            rooms: Vec::new(),
            total: 0,
        };
        let mut reserve = reserve_of(&known, request, price, NO_VERSION, key, who);
        reserve.take.clear();
        match self.store.reserve(reserve).await? {
            Ok(decided) => Ok(decided),
            Err(Changed::Catalogue) => Err(error),
        }
    }

    /// Records the answer that a key is to have from now on. Gives the one that was recorded first.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the key decided nothing, [`Error::KeyReused`].
    pub async fn record_answer(
        &self,
        caller: &Caller,
        hotel: &str,
        idempotency: Idempotency,
        answer: RecordedAnswer,
    ) -> Result<RecordedAnswer, Error> {
        let hotel: HotelCode = hotel.parse().map_err(|_| not_found("hotel"))?;
        let claim = check_claim(caller, &idempotency)?;
        self.store.record_answer(hotel, claim, answer).await
    }

    /// A reservation, by its id or its code; for its guest and the hotel's staff.
    ///
    /// # Errors
    /// [`Error::NotFound`] for strangers too.
    pub async fn reservation(
        &self,
        caller: &Caller,
        hotel: &str,
        reservation: &str,
    ) -> Result<ReservationView, Error> {
        let (_, found, access) = self.accessible(caller, hotel, reservation).await?;
        let with_token = access == Access::Guest;
        Ok(self.gate.view(&found, self.now_us(), with_token))
    }

    /// A reservation that the caller may see.
    pub(super) async fn accessible(
        &self,
        caller: &Caller,
        hotel: &str,
        reservation: &str,
    ) -> Result<(Arc<Known>, Reservation, Access), Error> {
        let (code, known) = self.known(hotel).await?;
        let found = self.find(&code, reservation).await?;
        let access = self.gate.reservation(caller, &known.catalogue, found.id)?;
        Ok((known, found, access))
    }

    /// Does something with a reservation. With `version`, only if the reservation has it still.
    ///
    /// # Errors
    /// What was not decided on the tables; what was is in the outcome.
    #[allow(
        clippy::too_many_arguments,
        reason = "they are the contract's, one for one"
    )]
    pub async fn act(
        &self,
        caller: &Caller,
        hotel: &str,
        reservation: &str,
        action: Action,
        version: Option<u64>,
        idempotency: Option<Idempotency>,
        client: &str,
    ) -> Result<DecidedView, Error> {
        let (known, found, access) = self.accessible(caller, hotel, reservation).await?;
        match action {
            Action::Cancel | Action::Change(_) => {}
            Action::CheckIn | Action::CheckOut | Action::NoShow => access.staff()?,
        }
        self.writes.enter(found.hotel.as_str())?;
        let key = idempotency.map(|idempotency| self.claim(caller, &idempotency));
        let key = key.transpose()?;
        let _under_way = match &key {
            Some(ClaimedKey { claim, .. }) => Some(self.keys.enter(
                found.hotel.as_str(),
                &claim.scope,
                &claim.key,
            )?),
            None => None,
        };
        let act = Act {
            found,
            action,
            version,
            key,
            who: access.who(),
        };
        let decided = self.act_on(&act, known).await?;
        let name = act.action.name();
        tracing::debug!(hotel, client, action = name, now = decided.now, "act");
        if decided.now {
            count(name, decided.outcome.as_ref().err());
            if let Ok(reservation) = &decided.outcome {
                self.after_change(reservation);
            }
        }
        Ok(self.decided(decided, access == Access::Guest))
    }

    async fn act_on(&self, act: &Act, known: Arc<Known>) -> Result<Decided, Error> {
        let mut known = known;
        for _ in 0..CHANGED_TRIES {
            let prepared = self.rule_of(act, &known).await;
            let (rule, catalogue_version, error) = match prepared {
                Ok((rule, version)) => (rule, version, None),
                // It may have been decided when it still could be.
                Err(error) if act.key.is_some() => (never(), Some(NO_VERSION), Some(error)),
                Err(error) => return Err(error),
            };
            let transition = Transition {
                hotel: act.found.hotel.clone(),
                reservation: act.found.id,
                catalogue_version,
                key: act.key.clone(),
                who: act.who.clone(),
                now_us: self.now_us(),
                rule,
            };
            match (self.store.change(transition).await?, error) {
                (Ok(decided), _) => return Ok(decided),
                (Err(Changed::Catalogue), Some(error)) => return Err(error),
                (Err(Changed::Catalogue), None) => {
                    known = self.cache.reread(&act.found.hotel).await?;
                }
            }
        }
        Err(Error::SlowDown(1))
    }

    /// The rule of an action, and the version of the catalogue that it was made under, where that matters.
    async fn rule_of(&self, act: &Act, known: &Arc<Known>) -> Result<(Rule, Option<u64>), Error> {
        let now_us = self.now_us();
        let today = known.today(now_us);
        let desk = Desk::new(Arc::clone(&known.catalogue.hotel), now_us);
        let wanted = act.version;
        let Action::Change(stay) = &act.action else {
            let action = act.action.clone();
            let rule = move |reservation: &Reservation| {
                check_version(reservation, wanted)?;
                let outcome = match action {
                    Action::Cancel | Action::Change(_) => {
                        action::cancel(reservation, now_us, today)
                    }
                    Action::CheckIn => action::check_in(reservation, now_us, today),
                    Action::CheckOut => action::check_out(reservation, now_us, today),
                    Action::NoShow => action::no_show(reservation, now_us, today),
                };
                with_letter(outcome, reservation.state, &desk)
            };
            return Ok((Arc::new(rule), None));
        };
        let price = self.change_price(&act.found, stay, known, today).await?;
        let stay = stay.clone();
        let rule = move |reservation: &Reservation| {
            check_version(reservation, wanted)?;
            let outcome = action::change(reservation, &stay, &price, now_us, today);
            with_letter(outcome, reservation.state, &desk)
        };
        Ok((Arc::new(rule), Some(known.catalogue.version)))
    }

    /// What another stay costs. Who is in the house keeps the price of the nights that were.
    async fn change_price(
        &self,
        found: &Reservation,
        stay: &Stay,
        known: &Known,
        today: Date,
    ) -> Result<Price, Error> {
        let earliest = match found.state {
            State::CheckedIn => found.stay.arrival.min(today),
            _ => today,
        };
        let catalogue = &known.catalogue;
        crate::rules::limits::check_stay(catalogue, stay, earliest)?;
        let nights = self
            .store
            .nights(&found.hotel, stay.arrival, stay.nights())
            .await?;
        let agreed = Agreed {
            stay: &found.stay,
            price: &found.price,
            today,
            prices: &Prices::of(&nights),
        };
        price::price_stay(catalogue, &agreed, stay, earliest)
    }

    /// The hotel's reservations, at most `max` (up to 200). Staff.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Unauthorized`] or [`Error::Forbidden`].
    pub async fn reservations(
        &self,
        caller: &Caller,
        hotel: &str,
        filter: Filter,
        after: Option<String>,
        max: u32,
    ) -> Result<ReservationPage, Error> {
        authorize::account(caller)?;
        let (code, known) = self.known(hotel).await?;
        authorize::staff(caller, &known.catalogue)?;
        if let Filter::Matching(text) = &filter
            && text.len() > MATCHING_MAX_BYTES
        {
            let detail = format!("At most {MATCHING_MAX_BYTES} bytes.");
            return Err(Error::invalid("matching", crate::Reason::TooLarge, detail));
        }
        let max = max.clamp(1, RESERVATIONS_MAX) as usize;
        let (reservations, next) = self.store.reservations(&code, filter, after, max).await?;
        let now_us = self.now_us();
        let views = reservations.iter();
        let views = views.map(|reservation| self.gate.view(reservation, now_us, false));
        Ok(ReservationPage {
            reservations: views.collect(),
            next,
        })
    }
}

/// An action that is to be done.
struct Act {
    found: Reservation,
    action: Action,
    version: Option<u64>,
    key: Option<ClaimedKey>,
    who: Who,
}

impl Action {
    fn name(&self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Change(_) => "change",
            Self::CheckIn => "check-in",
            Self::CheckOut => "check-out",
            Self::NoShow => "no-show",
        }
    }
}

fn reserve_of(
    known: &Known,
    request: &Request,
    price: Price,
    catalogue_version: u64,
    key: &ClaimedKey,
    who: &Who,
) -> Reserve {
    let hotel = &known.catalogue.hotel;
    let id = ReservationId::generate();
    let now_us: TimeUs = key.at_us;
    let stay = request.stay.clone();
    Reserve {
        take: price::taken(&stay),
        reservation: Reservation {
            id,
            code: ReservationCode::of(id),
            hotel: hotel.code.clone(),
            hotel_name: hotel.name.clone(),
            state: State::Held,
            occupied_until: stay.departure,
            stay,
            price,
            guest: request.guest.clone(),
            created_us: now_us,
            changed_us: now_us,
            hold_expires_us: now_us.saturating_add(u64::from(hotel.hold_s) * US_PER_S),
            attempts: Vec::new(),
            fee: 0,
            version: 1,
        },
        catalogue_version,
        key: key.clone(),
        who: who.clone(),
        effects: Effects {
            kind: Some(ChangeKind::ReservationCreated),
            what: "reservation.create",
            mails: Vec::new(),
        },
    }
}

fn check_version(reservation: &Reservation, wanted: Option<u64>) -> Result<(), Error> {
    match wanted {
        Some(version) if version != reservation.version => {
            let text = "The reservation was changed meanwhile.".to_owned();
            Err(Error::Conflict(Conflict::Version, text))
        }
        _ => Ok(()),
    }
}

fn with_letter(outcome: action::Outcome, before: State, desk: &Desk) -> action::Outcome {
    let mut outcome = outcome?;
    if let Some(result) = &mut outcome {
        let letter = desk.about_action(before, &result.reservation);
        result.effects.mails.extend(letter);
    }
    Ok(outcome)
}

/// A rule that is not to be run.
fn never() -> Rule {
    Arc::new(|_| Err(Error::Internal))
}

fn count(action: &'static str, error: Option<&Error>) {
    let outcome = match error {
        None => "done",
        Some(Error::SoldOut { .. }) => "sold-out",
        Some(_) => "conflict",
    };
    metrics::counter!("concierge_booking_reservations_total", "action" => action, "outcome" => outcome)
        .increment(1);
}
