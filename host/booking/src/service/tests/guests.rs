//! What guests may do, and strangers may not.

use concierge_identity::Role;

use super::*;
use crate::error::{Conflict, Reason};
use crate::rules::fixture::stay;
use crate::store::Filter;
use crate::types::{Action, PaymentState, Query, State};

/// Whether a call was let in; else why not.
fn let_in<T>(result: Result<T, Error>) -> Result<(), Error> {
    match result {
        Ok(_) => Ok(()),
        Err(error @ (Error::NotFound(_) | Error::Unauthorized | Error::Forbidden)) => Err(error),
        // Past the gate.
        Err(_) => Ok(()),
    }
}

fn stranger() -> Result<(), Error> {
    Err(Error::NotFound("reservation".to_owned()))
}

/// Each caller with each call: administrator, staff of the hotel, staff of another, any account, the guest, another
/// guest, anyone.
#[tokio::test(flavor = "multi_thread")]
async fn each_caller_may_do_what_is_theirs() {
    let house = House::open().await;
    house.furnish("other").await;
    let (ours, theirs) = (account(Role::Staff), account(Role::Staff));
    // A hotel may list whom it will: without the role it is for nothing.
    let user = account(Role::User);
    let id = |caller: &Caller| match caller {
        Caller::Account(principal) => principal.account.to_string(),
        _ => unreachable!(),
    };
    for (hotel, accounts) in [
        (SEA, vec![id(&ours), id(&user)]),
        ("other", vec![id(&theirs)]),
    ] {
        house
            .booking
            .set_staff(&house.admin, hotel, &accounts)
            .await
            .unwrap();
    }
    let made = house.create(stay("flex", 1, 3, 5)).await.unwrap();
    let other = house.create(stay("flex", 1, 3, 5)).await.unwrap();
    let guest = Caller::Guest(made.guest_token.clone());
    let other_guest = Caller::Guest(other.guest_token);
    let reservation = made.id.to_string();
    let (booking, code) = (&house.booking, made.code.to_string());
    let (no, hidden, login) = (Err(Error::Forbidden), stranger(), Err(Error::Unauthorized));
    for (name, caller, sees, works, sets_staff) in [
        ("administrator", &house.admin, Ok(()), Ok(()), Ok(())),
        ("staff", &ours, Ok(()), Ok(()), no.clone()),
        (
            "other staff",
            &theirs,
            hidden.clone(),
            no.clone(),
            no.clone(),
        ),
        ("account", &user, hidden.clone(), no.clone(), no.clone()),
        ("guest", &guest, Ok(()), login.clone(), login.clone()),
        (
            "other guest",
            &other_guest,
            hidden.clone(),
            login.clone(),
            login.clone(),
        ),
        (
            "anyone",
            &Caller::Anyone,
            hidden.clone(),
            login.clone(),
            login.clone(),
        ),
    ] {
        println!("{name}");
        for by in [&reservation, &code] {
            let seen = booking.reservation(caller, SEA, by).await;
            assert_eq!(let_in(seen), sees);
        }
        let stale = Some(99);
        let change = Action::Change(stay("flex", 1, 3, 6));
        for action in [Action::Cancel, change] {
            let acted = booking.act(caller, SEA, &reservation, action, stale, None, CLIENT);
            assert_eq!(let_in(acted.await), sees);
        }
        // The guest is known, and may not.
        let acts = match (&sees, &works) {
            (Ok(()), Err(_)) => no.clone(),
            _ => sees.clone(),
        };
        for action in [Action::CheckIn, Action::CheckOut, Action::NoShow] {
            let acted = booking.act(caller, SEA, &reservation, action, stale, None, CLIENT);
            assert_eq!(let_in(acted.await), acts);
        }
        let paid = booking.pay(caller, SEA, &reservation, "", key("pay"), CLIENT);
        assert_eq!(let_in(paid.await), sees);
        let day = fixture::today();
        let calls = [
            let_in(
                booking
                    .reservations(caller, SEA, Filter::Recent, None, 10)
                    .await,
            ),
            let_in(booking.waiting_list(caller, SEA, None, 10).await),
            let_in(booking.hotel_for_staff(caller, SEA).await),
            let_in(booking.occupancy(caller, SEA, day, 1).await),
            let_in(booking.audit(caller, SEA, None, 0, 1).await),
            let_in(booking.put_hotel(caller, fixture::hotel(SEA)).await),
            let_in(
                booking
                    .put_room_type(caller, SEA, fixture::room_type("double", 5))
                    .await,
            ),
            let_in(
                booking
                    .put_rate_plan(caller, SEA, fixture::plans()[0].clone())
                    .await,
            ),
            let_in(booking.set_rates(caller, SEA, Vec::new()).await),
            let_in(booking.set_allotments(caller, SEA, Vec::new()).await),
            let_in(booking.get_staff(caller, SEA).await),
            let_in(booking.list_webhooks(caller, SEA).await),
            let_in(booking.create_webhook(caller, SEA, "").await),
        ];
        for (call, let_in) in calls.into_iter().enumerate() {
            assert_eq!(let_in, works, "call {call}");
        }
        let all = [id(&ours), id(&user)];
        let set = booking.set_staff(caller, SEA, &all).await;
        assert_eq!(let_in(set), sets_staff);
        let new = booking.put_hotel(caller, fixture::hotel("new")).await;
        assert_eq!(let_in(new), sets_staff);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guests_token_is_for_one_reservation_and_not_shown_to_staff() {
    let house = House::open().await;
    let made = house.create(stay("flex", 1, 3, 5)).await.unwrap();
    assert!(made.guest_token.starts_with("gt_") && made.guest_token.len() == 25);
    let id = made.id.to_string();
    let guest = Caller::Guest(made.guest_token.clone());
    let seen = house.booking.reservation(&guest, SEA, &id).await.unwrap();
    assert_eq!(seen, made);
    let seen = house
        .booking
        .reservation(&house.admin, SEA, &id)
        .await
        .unwrap();
    assert_eq!(seen.guest_token, "");
    for wrong in [
        "",
        "gt_",
        &made.guest_token[..24],
        &(made.guest_token.clone() + "A"),
    ] {
        let wrong = Caller::Guest(wrong.to_owned());
        let refused = house.booking.reservation(&wrong, SEA, &id).await;
        assert_eq!(let_in(refused), stranger());
    }
    // There is none of that name, in the same words.
    for name in [
        "ZZZZZZZZ",
        "nonsense!",
        &crate::types::ReservationId::generate().to_string(),
    ] {
        let refused = house.booking.reservation(&guest, SEA, name).await;
        assert_eq!(let_in(refused), stranger());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_books_pays_changes_and_cancels() {
    let house = House::open().await;
    let held = house.create(stay("flex", 2, 5, 7)).await.unwrap();
    assert_eq!(
        (held.state, held.payment.state),
        (State::Held, PaymentState::None)
    );
    let end_us = fixture::noon_us() + 900 * US_PER_S;
    assert_eq!(
        (held.hold_expires_us, held.cancellation_fee),
        (Some(end_us), 0)
    );
    assert_eq!(house.reserved(5).await, 2);
    let declined = house.pay(&held, "sandbox:decline").await.unwrap();
    assert_eq!(declined.payment.state, PaymentState::Declined);
    assert_eq!(declined.payment.declined_for, "insufficient funds");
    let paid = house.pay(&held, "sandbox:approve").await.unwrap();
    assert_eq!((paid.state, paid.hold_expires_us), (State::Confirmed, None));
    assert_eq!(paid.payment.state, PaymentState::Authorised);
    house.settle_now().await;

    let guest = Caller::Guest(held.guest_token.clone());
    let id = held.id.to_string();
    let act = |action| {
        house
            .booking
            .act(&guest, SEA, &id, action, None, None, CLIENT)
    };
    let changed = act(Action::Change(stay("flex", 1, 5, 7)))
        .await
        .unwrap()
        .outcome
        .unwrap();
    assert_eq!(changed.payment.state, PaymentState::Refunded);
    assert_eq!(
        changed.payment.refunded,
        held.price.total - changed.price.total
    );
    assert_eq!(house.reserved(5).await, 1);
    house.settle_now().await;
    let gone = act(Action::Cancel).await.unwrap().outcome.unwrap();
    assert_eq!((gone.state, gone.cancellation_fee), (State::Cancelled, 0));
    assert_eq!(gone.payment.refunded, held.price.total);
    house.settle_now().await;
    assert_eq!(house.reserved(5).await, 0);
    let letters = house.store.outbox(10).await.unwrap();
    let subjects: Vec<_> = letters
        .iter()
        .map(|queued| queued.mail.subject.as_str())
        .collect();
    let about = format!(": Hotel sea, {}", held.code);
    let expected = [
        "Your booking is confirmed",
        "Your booking was changed",
        "Your booking is cancelled",
    ];
    assert_eq!(
        subjects,
        expected.map(|subject| subject.to_owned() + &about)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_end() {
    let house = House::open().await;
    let held = house.create(stay("flex", 5, 5, 7)).await.unwrap();
    house.after(900 * US_PER_S);
    let late = house.pay(&held, "sandbox:approve").await;
    assert_eq!(conflict(late), Conflict::HoldExpired);
    house.settle_now().await;
    assert_eq!(house.find(&held).await.state, State::Expired);
    assert_eq!(house.reserved(5).await, 0);
    assert!(house.create(stay("flex", 5, 5, 7)).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_price_is_the_one_that_was_agreed_to() {
    let house = House::open().await;
    let quoted = house
        .booking
        .quote(SEA, stay("flex", 2, 5, 7))
        .await
        .unwrap();
    assert!(quoted.available);
    let mut request = request(stay("flex", 2, 5, 7));
    request.agreed_total = Some(quoted.price.total - 1);
    let create = |request| {
        house
            .booking
            .create(&Caller::Anyone, SEA, request, key("c"), CLIENT)
    };
    assert_eq!(conflict(create(request.clone()).await), Conflict::Price);
    request.agreed_total = Some(quoted.price.total);
    let made = create(request).await.unwrap().outcome.unwrap();
    assert_eq!(made.price, quoted.price);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_refused_with_the_field() {
    let house = House::open().await;
    let good = || request(stay("flex", 1, 3, 5));
    let mut cases = Vec::new();
    let mut bad = |field: &'static str, reason, change: fn(&mut Request)| {
        let mut request = good();
        change(&mut request);
        cases.push((field, reason, request));
    };
    bad("guest.name", Reason::Malformed, |it| {
        it.guest.name = " ".to_owned()
    });
    bad("guest.name", Reason::TooLarge, |it| {
        it.guest.name = "a".repeat(201)
    });
    bad("guest.name", Reason::Malformed, |it| {
        it.guest.name = "a\r\nBcc: b@c".to_owned()
    });
    for email in [
        "", "a", "@b", "a@", "a b@c.d", "a@b@c", "a\n@b.c", "a@-b", "a@b..c", "<a@b.c>",
    ] {
        let mut request = good();
        request.guest.email = email.to_owned();
        cases.push(("guest.email", Reason::Malformed, request));
    }
    let mut bad = |field: &'static str, reason, change: fn(&mut Request)| {
        let mut request = good();
        change(&mut request);
        cases.push((field, reason, request));
    };
    bad("guest.country", Reason::Malformed, |it| {
        it.guest.country = "Portugal".to_owned()
    });
    bad("guest.language", Reason::Malformed, |it| {
        it.guest.language = "en_GB".to_owned()
    });
    bad("guest.notes", Reason::TooLarge, |it| {
        it.guest.notes = "a".repeat(2_001)
    });
    bad("stay.departure", Reason::StayTooLong, |it| {
        it.stay.departure = it.stay.arrival.plus(400)
    });
    bad("stay.arrival", Reason::ArrivalPast, |it| {
        it.stay.arrival = it.stay.arrival.plus(-9)
    });
    bad("stay.rooms.0.adults", Reason::NoGuests, |it| {
        it.stay.rooms[0].adults = 0
    });
    for (field, reason, request) in cases {
        let refused = house
            .booking
            .create(&Caller::Anyone, SEA, request.clone(), key("c"), CLIENT);
        match refused.await {
            Err(Error::Invalid {
                field: found,
                reason: why,
                ..
            }) => {
                assert_eq!((found.as_str(), why), (field, reason), "{request:?}");
            }
            other => panic!("{other:?} for {request:?}"),
        }
    }
    let mut good = good();
    good.guest.email = "jörg.o'neil+x@münchen.example".to_owned();
    good.guest.language = "de-AT".to_owned();
    let made = house
        .booking
        .create(&Caller::Anyone, SEA, good, key("c"), CLIENT);
    assert!(made.await.unwrap().outcome.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hotel_that_is_not_open_is_not_there() {
    let house = House::open().await;
    let mut hotel = fixture::hotel(SEA);
    hotel.open = false;
    house.booking.put_hotel(&house.admin, hotel).await.unwrap();
    let gone = Err(Error::NotFound("hotel".to_owned()));
    let booking = &house.booking;
    assert_eq!(let_in(booking.hotel(SEA).await), gone);
    assert_eq!(
        let_in(booking.quote(SEA, stay("flex", 1, 3, 5)).await),
        gone
    );
    assert_eq!(
        let_in(booking.calendar(SEA, None, fixture::today(), 3).await),
        gone
    );
    assert_eq!(let_in(house.create(stay("flex", 1, 3, 5)).await), gone);
    for missing in ["nowhere", "No Hotel", ""] {
        assert_eq!(let_in(booking.hotel(missing).await), gone);
    }
    let page =
        |caller: Caller| async move { booking.hotels(&caller, "", 10).await.unwrap().hotels.len() };
    assert_eq!(page(Caller::Anyone).await, 0);
    assert_eq!(page(house.admin.clone()).await, 1);
    assert!(booking.hotel_for_staff(&house.admin, SEA).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_counted() {
    let options = BookingOptions {
        searches: Rate { per_s: 1, burst: 2 },
        writes: Rate {
            per_s: 1,
            burst: 20,
        },
        ..options(false)
    };
    let house = House::open_with(With {
        options: Some(options),
        ..With::default()
    })
    .await;
    let query = |client: &str| Query {
        client: client.to_owned(),
        ..super::cached::query(3, 5)
    };
    for _ in 0..2 {
        house.booking.search(query("a")).await.unwrap();
    }
    let refused = house.booking.search(query("a")).await;
    assert!(matches!(refused, Err(Error::SlowDown(1))), "{refused:?}");
    assert!(house.booking.search(query("b")).await.is_ok());
    let mut last = Ok(());
    for _ in 0..20 {
        last = let_in_or_slow(house.create(stay("flex", 1, 3, 4)).await);
    }
    assert_eq!(last, Err(Error::SlowDown(1)));
    house.booking.close().await.unwrap();
}

fn let_in_or_slow<T>(result: Result<T, Error>) -> Result<(), Error> {
    match result {
        Err(error @ Error::SlowDown(_)) => Err(error),
        _ => Ok(()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_notice_is_not_believed() {
    let house = House::open().await;
    let made = house.create(stay("flex", 1, 3, 5)).await.unwrap();
    house.pay(&made, "sandbox:late").await.unwrap();
    let (body, signature) = house.sandbox.next_notice().await;
    let mut forged = signature.clone().into_bytes();
    forged[0] = if forged[0] == b'0' { b'1' } else { b'0' };
    let forged = String::from_utf8(forged).unwrap();
    let refused = house.booking.notify(&body, &forged).await;
    assert_eq!(refused, Err(Error::Unauthorized));
    assert_eq!(house.find(&made).await.state, State::Held);
    for _ in 0..3 {
        house.booking.notify(&body, &signature).await.unwrap();
    }
    assert_eq!(house.find(&made).await.state, State::Confirmed);
    house.settle_now().await;
    assert_eq!(house.store.outbox(10).await.unwrap().len(), 1, "one letter");
}
