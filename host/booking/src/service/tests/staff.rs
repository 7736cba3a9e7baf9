//! The hotel's own work.

use super::*;
use crate::error::{Conflict, Reason};
use crate::rules::fixture::stay;
use crate::store::Filter;
use crate::types::{Action, Hotel, Rate, State};

impl House {
    async fn confirmed(&self, stay: Stay) -> ReservationView {
        let made = self.create(stay).await.unwrap();
        let paid = self.pay(&made, "sandbox:approve").await.unwrap();
        self.settle_now().await;
        ReservationView {
            guest_token: made.guest_token,
            ..paid
        }
    }

    async fn act(&self, made: &ReservationView, action: Action) -> Result<ReservationView, Error> {
        let id = made.id.to_string();
        let acted = self
            .booking
            .act(&self.admin, SEA, &id, action, None, None, CLIENT);
        acted.await?.outcome
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn guests_come_stay_longer_and_leave_early() {
    let house = House::open().await;
    let made = house.confirmed(stay("flex", 1, 0, 4)).await;
    let here = house.act(&made, Action::CheckIn).await.unwrap();
    assert_eq!(
        (here.state, here.guest_token.as_str()),
        (State::CheckedIn, "")
    );
    // On the second day the price goes up; the night that was stays as it was agreed.
    house.after(24 * 3_600 * US_PER_S);
    let rate = Rate {
        rate_plan: "flex".parse().unwrap(),
        room_type: "double".parse().unwrap(),
        first: fixture::today(),
        last: fixture::today().plus(9),
        price: Some(12_000),
    };
    house
        .booking
        .set_rates(&house.admin, SEA, vec![rate])
        .await
        .unwrap();
    let longer = house
        .act(&made, Action::Change(stay("flex", 1, 0, 6)))
        .await
        .unwrap();
    assert_eq!(
        longer.price.rooms[0].nights,
        [10_000, 12_000, 12_000, 12_000, 12_000, 12_000]
    );
    assert_eq!(house.reserved(5).await, 1);
    house.after(24 * 3_600 * US_PER_S);
    let left = house.act(&made, Action::CheckOut).await.unwrap();
    assert_eq!(left.state, State::CheckedOut);
    let reserved = [
        house.reserved(1).await,
        house.reserved(2).await,
        house.reserved(5).await,
    ];
    assert_eq!(reserved, [1, 0, 0]);
    assert_eq!(
        conflict(house.act(&made, Action::Cancel).await),
        Conflict::State
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_count_rooms_and_money() {
    let house = House::open().await;
    house.confirmed(stay("flex", 2, 0, 3)).await;
    house.create(stay("fixed", 1, 1, 2)).await.unwrap();
    let gone = house.confirmed(stay("flex", 1, 1, 3)).await;
    house.act(&gone, Action::Cancel).await.unwrap();
    let leaves = house.confirmed(stay("half", 1, 0, 3)).await;
    house.act(&leaves, Action::CheckIn).await.unwrap();
    house.after(24 * 3_600 * US_PER_S);
    house.act(&leaves, Action::CheckOut).await.unwrap();
    let report = house
        .booking
        .occupancy(&house.admin, SEA, fixture::today().plus(-1), 6);
    let report: Vec<_> = report
        .await
        .unwrap()
        .iter()
        .map(|day| {
            assert_eq!(day.rooms, 6);
            (
                day.day.since(fixture::today()),
                day.reserved,
                day.arrivals,
                day.departures,
                day.revenue,
            )
        })
        .collect();
    assert_eq!(
        report,
        [
            (-1, 0, 0, 0, 0),
            (0, 3, 3, 0, 30_000),
            (1, 3, 1, 1, 20_000),
            (2, 2, 0, 1, 20_000),
            (3, 0, 0, 2, 0),
            (4, 0, 0, 0, 0),
        ]
    );
    for days in [0, 367] {
        let refused = house
            .booking
            .occupancy(&house.admin, SEA, fixture::today(), days)
            .await;
        assert!(matches!(refused, Err(Error::Invalid { .. })));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_and_the_feed_tell_what_happened() {
    let house = House::open().await;
    let made = house.confirmed(stay("flex", 1, 3, 5)).await;
    house.act(&made, Action::Cancel).await.unwrap();
    let subject = Some(made.id.to_string());
    let entries = house
        .booking
        .audit(&house.admin, SEA, subject, 0, 100)
        .await
        .unwrap();
    let whats: Vec<_> = entries
        .iter()
        .rev()
        .map(|entry| entry.what.as_str())
        .collect();
    let steps = [
        "reservation.create",
        "payment.begin",
        "reservation.confirm",
        "payment.step",
        "payment.captured",
        "reservation.cancel",
    ];
    assert_eq!(whats, steps);
    assert!(
        !format!("{entries:?}").contains("sandbox:approve"),
        "the method's token is nobody's business"
    );
    let staff = account(concierge_identity::Role::Staff);
    let page = house
        .booking
        .read_changes(&house.admin, "", 100)
        .await
        .unwrap();
    assert!(
        page.entries
            .iter()
            .any(|entry| entry.subject == made.id.to_string())
    );
    let none = house.booking.read_changes(&staff, "", 100).await.unwrap();
    assert_eq!((none.entries.len(), &none.next), (0, &page.next));
    let Caller::Account(principal) = &staff else {
        unreachable!()
    };
    let accounts = [principal.account.to_string()];
    house
        .booking
        .set_staff(&house.admin, SEA, &accounts)
        .await
        .unwrap();
    let own = house.booking.read_changes(&staff, "", 100).await.unwrap();
    assert_eq!(own.entries.len(), page.entries.len() + 1);
    let refused = house.booking.read_changes(&Caller::Anyone, "", 100).await;
    assert_eq!(refused, Err(Error::Unauthorized));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_front_desk_finds_who_comes() {
    let house = House::open().await;
    let made = house.create(stay("flex", 1, 3, 5)).await.unwrap();
    house.create(stay("flex", 1, 4, 5)).await.unwrap();
    let list = async |filter| {
        house
            .booking
            .reservations(&house.admin, SEA, filter, None, 1)
            .await
    };
    let page = list(Filter::Arriving(fixture::today().plus(3)))
        .await
        .unwrap();
    assert_eq!(
        (page.reservations[0].id, page.next.is_some()),
        (made.id, false)
    );
    assert_eq!(page.reservations[0].guest_token, "");
    assert!(list(Filter::Recent).await.unwrap().next.is_some());
    assert_eq!(
        list(Filter::Matching("ana@".to_owned()))
            .await
            .unwrap()
            .reservations
            .len(),
        1
    );
    let refused = list(Filter::Matching("a".repeat(255))).await;
    assert!(matches!(refused, Err(Error::Invalid { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn hotels_that_cannot_be_are_refused_with_the_field() {
    let house = House::open().await;
    type Change = fn(&mut Hotel);
    let cases: [(&str, Reason, Change); 11] = [
        ("name", Reason::Malformed, |it| it.name.clear()),
        ("time_zone", Reason::TimeZone, |it| {
            it.time_zone = "Europe/Atlantis".to_owned()
        }),
        ("currency", Reason::Currency, |it| {
            it.currency = "EURO".to_owned()
        }),
        ("currency", Reason::Currency, |it| {
            it.currency = "GBP".to_owned()
        }),
        ("position", Reason::Malformed, |it| {
            it.position.as_mut().unwrap().latitude = 91.0
        }),
        ("position", Reason::Malformed, |it| {
            it.position.as_mut().unwrap().longitude = f64::NAN
        }),
        ("address.country", Reason::Malformed, |it| {
            it.address.country = "pt".to_owned()
        }),
        ("hold_s", Reason::Malformed, |it| it.hold_s = 1),
        ("city_tax", Reason::Malformed, |it| it.city_tax = -1),
        ("amenities", Reason::TooLarge, |it| {
            it.amenities = vec!["a".to_owned(); 201]
        }),
        ("overbooking_percent", Reason::TooLarge, |it| {
            it.overbooking_percent = 101
        }),
    ];
    for (field, reason, change) in cases {
        let mut hotel = fixture::hotel(SEA);
        change(&mut hotel);
        match house.booking.put_hotel(&house.admin, hotel).await {
            Err(Error::Invalid {
                field: found,
                reason: why,
                ..
            }) => {
                assert_eq!((found.as_str(), why), (field, reason));
            }
            other => panic!("{other:?} for {field}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_are_made_and_removed() {
    let house = House::open().await;
    let (booking, admin) = (&house.booking, &house.admin);
    for bad in [
        "",
        "ftp://a",
        "https://",
        "https://u@a/",
        "https://a/#f",
        "https://a b",
        "https:///x",
    ] {
        let refused = booking.create_webhook(admin, SEA, bad).await;
        assert!(matches!(refused, Err(Error::Invalid { .. })), "{bad}");
    }
    let made = booking
        .create_webhook(admin, SEA, "https://example.org/hook?a=b")
        .await
        .unwrap();
    assert!(made.secret.starts_with("whsec_") && made.secret.len() == 6 + 43);
    let listed = booking.list_webhooks(admin, SEA).await.unwrap();
    assert_eq!((listed[0].id, listed[0].secret.as_str()), (made.id, ""));
    for _ in 1..10 {
        booking
            .create_webhook(admin, SEA, "http://example.org:8080")
            .await
            .unwrap();
    }
    let refused = booking
        .create_webhook(admin, SEA, "http://example.org")
        .await;
    assert_eq!(conflict(refused), Conflict::InUse);
    let id = made.id.to_string();
    booking.delete_webhook(admin, SEA, &id).await.unwrap();
    for gone in [id.as_str(), "nonsense"] {
        let refused = booking.delete_webhook(admin, SEA, gone).await;
        assert!(matches!(refused, Err(Error::NotFound(_))), "{refused:?}");
    }
}
