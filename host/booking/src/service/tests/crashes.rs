//! Payments through crashes: the host dies before and after each of its writes and calls, whatever the provider does.

use std::sync::Arc;

use super::faults::{Life, MortalProvider, MortalStore};
use super::*;
use crate::rules::saga::Standing;
use crate::types::{Action, AttemptState, State};

/// What the guest does after paying.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    /// Pays again with the same key, as a client does that had no answer.
    Asks,
    /// Goes away.
    Leaves,
    /// Cancels.
    Cancels,
}

/// More calls than any of these stories has.
const CALLS_MAX: usize = 40;

struct Story<'h> {
    house: &'h House,
    method: &'static str,
    then: Then,
    stay: Stay,
}

impl Story<'_> {
    async fn booking(&self, life: &Arc<Life>) -> Arc<Booking> {
        let with = With {
            impatient: self.method == "sandbox:hang",
            ..With::default()
        };
        let store = MortalStore(Arc::clone(&self.house.store), Arc::clone(life));
        let provider = MortalProvider(self.house.sandbox.clone(), Arc::clone(life));
        let clock = &self.house.clock;
        let booking = start(Arc::new(store), Arc::new(provider), clock, with);
        let booking = booking.await.unwrap();
        booking.background.stop().await;
        booking
    }

    /// The story, until the host dies in it; true if it did not.
    async fn tell(&self, life: &Arc<Life>) -> bool {
        self.house.clock.set_us(fixture::noon_us());
        let first = self.booking(life).await;
        let (create, pay) = (key("create"), key("pay"));
        let anyone = Caller::Anyone;
        let created = first.create(
            &anyone,
            SEA,
            request(self.stay.clone()),
            create.clone(),
            CLIENT,
        );
        let _ = created.await;
        // Who had no answer asks again: there is one reservation.
        let second = self.booking(&Life::new(usize::MAX, false)).await;
        let created = second.create(&anyone, SEA, request(self.stay.clone()), create, CLIENT);
        let made = created.await.unwrap().outcome.unwrap();
        let guest = Caller::Guest(made.guest_token.clone());
        let id = made.id.to_string();
        let pay_once = |booking: Arc<Booking>| {
            let (guest, id, pay) = (guest.clone(), id.clone(), pay.clone());
            async move {
                booking
                    .pay(&guest, SEA, &id, self.method, pay, CLIENT)
                    .await
            }
        };
        let _ = pay_once(Arc::clone(&first)).await;
        if !life.is_over() {
            while let Some((body, signature)) = self.house.sandbox.next_notice().now_or_never() {
                let _ = first.notify(&body, &signature).await;
            }
            let _ = due_round(&first).await;
        }
        if self.then == Then::Cancels {
            for booking in [&first, &second] {
                let _ = booking
                    .act(&guest, SEA, &id, Action::Cancel, None, None, CLIENT)
                    .await;
            }
            let _ = due_round(&first).await;
        }
        if self.then == Then::Asks {
            let _ = pay_once(Arc::clone(&second)).await;
        }
        settle(&second, &self.house.sandbox, &self.house.clock).await;
        self.check(&made, &second).await;
        self.leave(&made, &second).await;
        !life.is_over()
    }

    async fn check(&self, made: &ReservationView, booking: &Booking) {
        let found = booking.store.reservation(&made.hotel, made.id).await;
        let found = found.unwrap().unwrap();
        let entries = self.house.sandbox.entries().unwrap();
        let mut kept = 0;
        let mut charges = 0;
        for attempt in &found.attempts {
            assert!(!attempt.state.is_under_way(), "{attempt:?}");
            let Some(entry) = entries.iter().find(|entry| entry.attempt == attempt.id) else {
                assert!(matches!(attempt.state, AttemptState::Voided), "{attempt:?}");
                continue;
            };
            charges += entry.charges;
            match &entry.standing {
                Standing::Captured { refunded } => kept += entry.amount - refunded,
                Standing::Declined(_) | Standing::Voided => {}
                other => panic!("{other:?}"),
            }
        }
        assert!(charges <= 1, "charged {charges} times");
        let rooms = u32::try_from(self.stay.rooms.len()).unwrap();
        let arrival = self.stay.arrival.since(fixture::today());
        let reserved = self.house.reserved(arrival).await;
        match found.state {
            State::Confirmed => assert_eq!((kept, reserved), (found.price.total, rooms)),
            State::Cancelled => assert_eq!((kept, reserved), (found.fee, 0)),
            State::Expired => assert_eq!((kept, reserved), (0, 0)),
            state => panic!("{state:?}"),
        }
        if self.method == "sandbox:decline" {
            assert_eq!((kept, charges), (0, 0));
        }
        let letters = booking.store.outbox(1_000).await.unwrap();
        let letters = letters
            .iter()
            .filter(|queued| queued.mail.text.contains(made.code.as_str()));
        let letters = letters.filter(|queued| queued.mail.calendar.contains("METHOD:PUBLISH"));
        let letters = letters.count();
        if found.state == State::Confirmed {
            assert_eq!(letters, 1, "confirmations");
        }
    }

    /// Gives the rooms back for the next story.
    async fn leave(&self, made: &ReservationView, booking: &Arc<Booking>) {
        let (admin, id) = (&self.house.admin, made.id.to_string());
        let _ = booking
            .act(admin, SEA, &id, Action::Cancel, None, None, CLIENT)
            .await;
        settle(booking, &self.house.sandbox, &self.house.clock).await;
        for queued in booking.store.outbox(1_000).await.unwrap() {
            booking
                .store
                .mail_sent(queued.hotel, queued.mail.id)
                .await
                .unwrap();
        }
    }
}

async fn survives(method: &'static str) {
    let house = House::open().await;
    for then in [Then::Asks, Then::Leaves, Then::Cancels] {
        for after in [false, true] {
            let mut ends_at = 0;
            loop {
                let story = Story {
                    house: &house,
                    method,
                    then,
                    stay: fixture::stay("flex", 2, 5, 7),
                };
                println!("{method}, {then:?}: dies at call {ends_at}, after it: {after}");
                if story.tell(&Life::new(ends_at, after)).await {
                    break;
                }
                ends_at += 1;
                assert!(ends_at < CALLS_MAX);
            }
            // At least the reservation, the attempt and the provider.
            assert!(ends_at >= 3, "{ends_at}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_is_approved_survives() {
    survives("sandbox:approve").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_is_declined_survives() {
    survives("sandbox:decline").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_hangs_survives() {
    survives("sandbox:hang").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_is_answered_late_survives() {
    survives("sandbox:late").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_is_answered_twice_survives() {
    survives("sandbox:twice").await;
}
