//! What is shown from memory.

use super::*;
use crate::error::Reason;
use crate::rules::fixture::{rate_plan, stay};
use crate::store::ChangeKind;
use crate::types::{Action, Allotment, HotelCode, Offer, Order, Penalty, Position, Query, Rate};

pub(super) fn query(from: i32, to: i32) -> Query {
    Query {
        text: String::new(),
        near: None,
        arrival: fixture::today().plus(from),
        departure: fixture::today().plus(to),
        rooms: 1,
        adults: 2,
        children: 0,
        currency: None,
        min_total: None,
        max_total: None,
        order: Order::Price,
        after: None,
        max: 100,
        client: CLIENT.to_owned(),
    }
}

impl House {
    async fn found(&self, query: Query) -> Vec<Offer> {
        self.booking.search(query).await.unwrap().offers
    }

    async fn left(&self, from: i32) -> u32 {
        let first = fixture::today().plus(from);
        let calendar = self.booking.calendar(SEA, Some("double"), first, 1).await;
        calendar.unwrap()[0].nights[0].left
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_costs_what_its_quote_does() {
    let house = House::open().await;
    let rate = |from: i32, to: i32, price| Rate {
        rate_plan: "flex".parse().unwrap(),
        room_type: "double".parse().unwrap(),
        first: fixture::today().plus(from),
        last: fixture::today().plus(to),
        price,
    };
    let rates = vec![
        rate(10, 40, Some(7_001)),
        rate(20, 20, Some(9_999)),
        rate(50, 50, None),
    ];
    house
        .booking
        .set_rates(&house.admin, SEA, rates)
        .await
        .unwrap();
    // Within a window, over the edge of two, and over three.
    for (from, to) in [(1, 2), (15, 25), (5, 35), (25, 55), (45, 52)] {
        for (rooms, adults) in [(1, 2), (2, 3)] {
            let offers = house
                .found(Query {
                    rooms,
                    adults,
                    ..query(from, to)
                })
                .await;
            let offer = &offers[0];
            let mut stay = stay(offer.rate_plan.as_str(), rooms as usize, from, to);
            for room in &mut stay.rooms {
                room.room_type = offer.room_type.clone();
            }
            stay.rooms[0].adults = adults.div_ceil(rooms);
            if rooms == 2 {
                stay.rooms[1].adults = 1;
            }
            let quote = house.booking.quote(SEA, stay.clone()).await.unwrap();
            assert_eq!(offer.total, quote.price.total, "{from} to {to}");
            assert!(quote.available && offer.left == 5);
            let made = house.create(stay).await.unwrap();
            assert_eq!(made.price.total, offer.total);
            let guest = Caller::Guest(made.guest_token);
            let id = made.id.to_string();
            house
                .booking
                .act(&guest, SEA, &id, Action::Cancel, None, None, CLIENT)
                .await
                .unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hotels_are_found_by_what_was_asked_for() {
    let house = House::open().await;
    for (code, name, latitude, stars, price, currency) in [
        ("alpha", "Alpha Palace", 38.80, 50, 30_000, "EUR"),
        ("beta", "Beta Inn", 38.71, 20, 5_000, "EUR"),
        ("gamma", "Gamma Hostel", 41.15, 10, 4_000, "GBP"),
    ] {
        let mut hotel = fixture::hotel(code);
        hotel.name = name.to_owned();
        hotel.position = Some(Position {
            latitude,
            longitude: -9.1,
        });
        hotel.stars_tenths = stars;
        hotel.currency = currency.to_owned();
        if code == "gamma" {
            hotel.address.city = "Porto".to_owned();
        }
        let (booking, admin) = (&house.booking, &house.admin);
        booking.put_hotel(admin, hotel).await.unwrap();
        booking
            .put_room_type(admin, code, fixture::room_type("double", 5))
            .await
            .unwrap();
        let plan = rate_plan("flex", None, Penalty::Everything, &[("double", price)]);
        booking.put_rate_plan(admin, code, plan).await.unwrap();
    }
    let codes = async |query| -> Vec<String> {
        let found = house.found(query).await;
        found
            .iter()
            .map(|offer| offer.hotel.code.to_string())
            .collect()
    };
    let any = || query(3, 5);
    let lisbon = Position {
        latitude: 38.7,
        longitude: -9.1,
    };
    assert_eq!(codes(any()).await, ["gamma", "beta", SEA, "alpha"]);
    assert_eq!(
        codes(Query {
            order: Order::Stars,
            ..any()
        })
        .await,
        ["alpha", SEA, "beta", "gamma"]
    );
    assert_eq!(
        codes(Query {
            order: Order::Name,
            ..any()
        })
        .await,
        ["alpha", "beta", "gamma", SEA]
    );
    let near = Query {
        order: Order::Distance,
        near: Some((lisbon, 20_000)),
        ..any()
    };
    assert_eq!(codes(near.clone()).await, [SEA, "beta", "alpha"]);
    let offers = house.found(near.clone()).await;
    // A tenth of a degree of latitude is 11.12 km on this sphere.
    assert_eq!(offers[2].distance_m, Some(11_120));
    assert_eq!(
        codes(Query {
            text: "PORTO gam".to_owned(),
            ..any()
        })
        .await,
        ["gamma"]
    );
    assert_eq!(
        codes(Query {
            currency: Some("GBP".to_owned()),
            ..any()
        })
        .await,
        ["gamma"]
    );
    assert_eq!(
        codes(Query {
            max_total: Some(20_000),
            ..any()
        })
        .await,
        ["gamma", "beta", SEA]
    );
    assert_eq!(
        codes(Query {
            min_total: Some(20_000),
            ..any()
        })
        .await,
        [SEA, "alpha"]
    );
    // Its cheapest is below, another offer is not.
    let dear = house
        .found(Query {
            min_total: Some(20_000),
            ..any()
        })
        .await;
    assert_eq!(dear[0].rate_plan.as_str(), "flex");
    // Three in a double, or in two.
    assert!(codes(Query { adults: 3, ..any() }).await.is_empty());
    assert_eq!(
        codes(Query {
            adults: 3,
            rooms: 2,
            ..any()
        })
        .await
        .len(),
        4
    );
    assert!(
        codes(Query {
            rooms: 6,
            adults: 6,
            ..any()
        })
        .await
        .is_empty(),
        "there are five"
    );

    let mut paged = Vec::new();
    let mut after = None;
    loop {
        let page = house
            .booking
            .search(Query {
                max: 1,
                after,
                ..any()
            })
            .await
            .unwrap();
        paged.extend(page.offers.iter().map(|offer| offer.hotel.code.to_string()));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(paged, ["gamma", "beta", SEA, "alpha"]);
    for (wrong, field, reason) in [
        (
            Query {
                order: Order::Distance,
                ..any()
            },
            "near",
            Reason::Malformed,
        ),
        (
            Query {
                after: Some("!".to_owned()),
                ..any()
            },
            "after",
            Reason::Malformed,
        ),
        (
            Query {
                currency: Some("ABC".to_owned()),
                ..any()
            },
            "currency",
            Reason::Currency,
        ),
        (Query { adults: 0, ..any() }, "adults", Reason::NoGuests),
        (
            Query {
                rooms: 21,
                adults: 21,
                ..any()
            },
            "rooms",
            Reason::Rooms,
        ),
        (Query { max: 101, ..any() }, "max", Reason::TooLarge),
        (query(-2, 3), "arrival", Reason::ArrivalPast),
        (query(3, 3), "departure", Reason::DatesOrder),
        (query(3, 300), "departure", Reason::StayTooLong),
    ] {
        match house.booking.search(wrong).await {
            Err(Error::Invalid {
                field: found,
                reason: why,
                ..
            }) => {
                assert_eq!((found.as_str(), why), (field, reason));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_this_host_changes_is_seen_at_once() {
    let house = House::open().await;
    assert_eq!(house.left(5).await, 5);
    let made = house.create(stay("flex", 2, 5, 6)).await.unwrap();
    assert_eq!((house.left(5).await, house.left(6).await), (3, 5));
    assert_eq!(house.found(query(5, 6)).await[0].left, 3);
    let allotment = Allotment {
        room_type: "double".parse().unwrap(),
        first: fixture::today().plus(5),
        last: fixture::today().plus(5),
        rooms: Some(2),
    };
    let set = house
        .booking
        .set_allotments(&house.admin, SEA, vec![allotment]);
    set.await.unwrap();
    assert_eq!(house.left(5).await, 0);
    let guest = Caller::Guest(made.guest_token);
    let id = made.id.to_string();
    house
        .booking
        .act(&guest, SEA, &id, Action::Cancel, None, None, CLIENT)
        .await
        .unwrap();
    assert_eq!(house.left(5).await, 2);
    let plan = rate_plan("flex", None, Penalty::Everything, &[("double", 100)]);
    house
        .booking
        .put_rate_plan(&house.admin, SEA, plan)
        .await
        .unwrap();
    assert_eq!(house.found(query(5, 6)).await[0].rate_plan.as_str(), "flex");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_host_changes_is_told_by_the_feed() {
    let house = House::open_with(With::default()).await;
    let other = start(
        Arc::clone(&house.store),
        house.sandbox.clone(),
        &house.clock,
        With::default(),
    );
    let other = other.await.unwrap();
    assert_eq!(house.left(5).await, 5);
    let created = other.create(
        &Caller::Anyone,
        SEA,
        request(stay("flex", 2, 5, 6)),
        key("c"),
        CLIENT,
    );
    created.await.unwrap().outcome.unwrap();
    while house.left(5).await != 3 {
        tokio::task::yield_now().await;
    }
    // A hotel that this host has not heard of is found.
    other
        .put_hotel(&house.admin, fixture::hotel("new"))
        .await
        .unwrap();
    let kind = fixture::room_type("double", 5);
    other
        .put_room_type(&house.admin, "new", kind)
        .await
        .unwrap();
    let plan = fixture::plans()[0].clone();
    other
        .put_rate_plan(&house.admin, "new", plan)
        .await
        .unwrap();
    while house.found(query(5, 6)).await.len() < 2 {
        tokio::task::yield_now().await;
    }
    other.background.stop().await;
    house.booking.close().await.unwrap();
}

/// A load reads the tables; then a change is made and told; then the load is done. What it read must not be taken for
/// fresh, or a room that is gone would be shown until the time to live is over.
#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_raced_with_a_change_is_not_fresh() {
    let house = House::open().await;
    let code: HotelCode = SEA.parse().unwrap();
    let cache = &house.booking.cache;
    let (first, end) = (fixture::today().plus(5), fixture::today().plus(6));
    let entry = cache.all()[0].clone();
    assert_eq!(house.left(5).await, 5);
    for kind in [ChangeKind::ReservationChanged, ChangeKind::CatalogueChanged] {
        cache.changed(&code, kind);
        let life = super::faults::Life::held_up();
        let slow = super::faults::MortalStore(Arc::clone(&house.store), Arc::clone(&life));
        let racing = crate::cache::Cache::new(Arc::new(slow), house.clock.clone(), cache_limits());
        racing.read_new_hotels().await.unwrap();
        let racing = Arc::new(racing);
        let load = {
            let (racing, code) = (Arc::clone(&racing), code.clone());
            tokio::spawn(async move { racing.nights(&code, first, end).await.map(drop) })
        };
        life.has_read().await;
        racing.changed(&code, kind);
        life.go_on();
        load.await.unwrap().unwrap();
        let raced = racing.all()[0].clone();
        assert!(racing.fresh(&raced, first, end).is_none());
        racing.nights(&code, first, end).await.unwrap();
        assert!(racing.fresh(&raced, first, end).is_some());
    }
    assert!(cache.fresh(&entry, first, end).is_none());
}

fn cache_limits() -> crate::cache::Limits {
    crate::cache::Limits {
        ttl: Duration::from_secs(3_600),
        bytes: 1 << 20,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nights_in_memory_are_bounded() {
    let house = House::open().await;
    let limits = crate::cache::Limits {
        bytes: 10_000,
        ..cache_limits()
    };
    let cache = crate::cache::Cache::new(Arc::clone(&house.store), house.clock.clone(), limits);
    let code: HotelCode = SEA.parse().unwrap();
    for month in 0..30 {
        let first = fixture::today().plus(month * 32);
        cache.nights(&code, first, first.plus(1)).await.unwrap();
        assert!(cache.kept_bytes() <= 10_000);
    }
    assert!(cache.kept_bytes() > 5_000, "some are kept");
    let first = fixture::today().plus(29 * 32);
    assert!(
        cache.fresh(&cache.all()[0], first, first.plus(1)).is_some(),
        "the newest are"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nights_that_are_past_are_sold_out() {
    let house = House::open().await;
    house.after(36 * 3_600 * US_PER_S);
    let calendar = house
        .booking
        .calendar(SEA, None, fixture::today().plus(-1), 5)
        .await
        .unwrap();
    let kinds: Vec<_> = calendar
        .iter()
        .map(|kind| kind.room_type.as_str())
        .collect();
    assert_eq!(kinds, ["double", "suite"]);
    let left: Vec<_> = calendar[0]
        .nights
        .iter()
        .map(|night| (night.left, night.price))
        .collect();
    // Today is two days later by now.
    assert_eq!(
        left,
        [
            (0, None),
            (0, None),
            (0, None),
            (5, Some(8_000)),
            (5, Some(8_000))
        ]
    );
    for (first, nights, reason) in [
        (0, 0, Reason::TooLarge),
        (0, 367, Reason::TooLarge),
        (5_000, 1, Reason::ArrivalTooFar),
    ] {
        let refused = house
            .booking
            .calendar(SEA, None, fixture::today().plus(first), nights)
            .await;
        assert!(
            matches!(&refused, Err(Error::Invalid { reason: why, .. }) if *why == reason),
            "{refused:?}"
        );
    }
}
