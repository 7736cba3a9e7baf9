//! Pages of reservations and of the waiting list.

use std::sync::Arc;

use super::fixture::{DAY_US, House, NOW, cancel, key, stay, today};
use crate::error::Error;
use crate::rules::action;
use crate::store::{Filter, Mail, Store};
use crate::types::{
    Date, Guest, MailId, Reservation, ReservationCode, ReservationId, Waiting, WaitingId,
};

pub(super) async fn all(store: &Arc<dyn Store>) {
    days_list_who_is_there(store).await;
    texts_are_found(store).await;
    what_changed_last_comes_first(store).await;
    overlapping_stays_are_found(store).await;
    who_waits_is_told_once(store).await;
}

/// All pages, two at a time.
async fn listed(house: &House, filter: &Filter) -> Vec<Reservation> {
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let page = house
            .store
            .reservations(&house.code, filter.clone(), after, 2);
        let (page, next) = page.await.unwrap();
        assert!(page.len() <= 2);
        all.extend(page);
        match next {
            None => return all,
            next => after = next,
        }
    }
}

fn ids(reservations: &[Reservation]) -> Vec<ReservationId> {
    let mut ids: Vec<_> = reservations.iter().map(|made| made.id).collect();
    ids.sort();
    let count = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), count, "nothing is listed twice");
    ids
}

async fn days_list_who_is_there(store: &Arc<dyn Store>) {
    let house = House::open(store, "days", &[("double", 50)]).await;
    let other = House::open(store, "days-other", &[("double", 50)]).await;
    other.book(stay(&["double"], 2, 4)).await.unwrap();
    let mut made = Vec::new();
    for (from, to) in [
        (0, 2),
        (2, 4),
        (1, 3),
        (2, 3),
        (2, 9),
        (4, 5),
        (2, 3),
        (0, 9),
    ] {
        made.push(house.book(stay(&["double"], from, to)).await.unwrap());
    }
    let gone = house.book(stay(&["double"], 1, 8)).await.unwrap();
    house.act(gone.id, cancel()).await.unwrap();
    let day = today().plus(2);
    let expected = |has: &dyn Fn(&Reservation) -> bool| {
        let matching: Vec<_> = made.iter().filter(|made| has(made)).cloned().collect();
        ids(&matching)
    };
    let arriving = listed(&house, &Filter::Arriving(day)).await;
    assert_eq!(ids(&arriving), expected(&|made| made.stay.arrival == day));
    let departing = listed(&house, &Filter::Departing(day.plus(1))).await;
    assert_eq!(
        ids(&departing),
        expected(&|made| made.stay.departure == day.plus(1))
    );
    let staying = listed(&house, &Filter::Staying(day)).await;
    assert_eq!(
        ids(&staying),
        expected(&|made| made.reserved_nights().any(|night| night == day))
    );
    let all: Vec<_> = staying.iter().map(|found| found.id).collect();
    for found in &staying {
        let kept = made.iter().find(|made| made.id == found.id);
        assert_eq!(Some(found), kept, "{all:?}");
    }
    let nobody = listed(&house, &Filter::Arriving(today().plus(30))).await;
    assert_eq!(nobody, []);
}

/// A guest whose reservation's code begins with a digit.
async fn guest(house: &House, digit: u64, name: &str, email: &str) -> Reservation {
    let mut request = house.request(stay(&["double"], 1, 2)).await;
    request.reservation.code = ReservationCode::from_bits(digit);
    request.reservation.guest.name = name.to_owned();
    request.reservation.guest.email = email.to_owned();
    house
        .reserve(request)
        .await
        .unwrap()
        .unwrap()
        .outcome
        .unwrap()
}

async fn texts_are_found(store: &Arc<dyn Store>) {
    let house = House::open(store, "texts", &[("double", 50)]).await;
    let lee = guest(&house, 1, "Lee Ann", "ann@example.org").await;
    let ann = guest(&house, 2, "ANN Lee", "lee@example.org").await;
    let both = guest(&house, 3, "Ann Both", "annboth@example.org").await;
    let umlaut = guest(&house, 4, "\u{d6}zg\u{fc}l %", "o_@example.org").await;
    let find = async |text: &str| ids(&listed(&house, &Filter::Matching(text.to_owned())).await);
    let mut anns = vec![lee.id, ann.id, both.id];
    anns.sort();
    assert_eq!(find("ann").await, anns);
    assert_eq!(find("aNn").await, anns);
    assert_eq!(find("ann b").await, [both.id]);
    assert_eq!(find("ANN@").await, [lee.id]);
    assert_eq!(find("\u{f6}ZG").await, [umlaut.id]);
    assert_eq!(find("o_@").await, [umlaut.id]);
    // What is a pattern elsewhere is a text here.
    for text in ["%", "_nn", "a_n", "xyz", "lee ann "] {
        assert_eq!(find(text).await, [], "{text}");
    }
    let code = umlaut.code.as_str();
    for code in [code.to_owned(), code.to_lowercase(), code[..6].to_owned()] {
        assert_eq!(find(&code).await, [umlaut.id]);
    }
}

async fn what_changed_last_comes_first(store: &Arc<dyn Store>) {
    let house = House::open(store, "recent", &[("double", 50)]).await;
    let mut made = Vec::new();
    for minute in 0..5 {
        let mut request = house.request(stay(&["double"], 1, 2)).await;
        request.reservation.changed_us = NOW - DAY_US + minute;
        let decided = house.reserve(request).await.unwrap().unwrap();
        made.push(decided.outcome.unwrap().id);
    }
    // Cancelling is a change of now.
    house.act(made[1], cancel()).await.unwrap();
    let recent = listed(&house, &Filter::Recent).await;
    let recent: Vec<_> = recent.iter().map(|made| made.id).collect();
    assert_eq!(recent, [made[1], made[4], made[3], made[2], made[0]]);
}

async fn overlapping(house: &House, first: Date, end: Date) -> Vec<ReservationId> {
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let page = house.store.overlapping(&house.code, first, end, after, 3);
        let (page, next) = page.await.unwrap();
        assert!(page.len() <= 3);
        all.extend(page);
        match next {
            None => return ids(&all),
            next => after = next,
        }
    }
}

async fn overlapping_stays_are_found(store: &Arc<dyn Store>) {
    let house = House::open(store, "overlapping", &[("double", 50)]).await;
    let mut made = Vec::new();
    for from in 0..8 {
        for nights in [1, 2, 5, 150] {
            let stay = stay(&["double"], from, from + nights);
            made.push(house.book(stay).await.unwrap());
        }
    }
    // In whatever state.
    let gone = &made[made.len() / 2];
    house.act(gone.id, cancel()).await.unwrap();
    for (from, to) in [
        (0, 1),
        (3, 4),
        (2, 6),
        (9, 40),
        (100, 101),
        (155, 156),
        (400, 500),
    ] {
        let (first, end) = (today().plus(from), today().plus(to));
        let touches = |made: &&Reservation| {
            let days = made.stay.arrival.until(made.stay.departure.plus(1));
            days.into_iter().any(|day| (first..end).contains(&day))
        };
        let expected: Vec<_> = made.iter().filter(touches).cloned().collect();
        let found = overlapping(&house, first, end).await;
        assert_eq!(found, ids(&expected), "{from} to {to}");
    }
    // One who left early was there all the same.
    let leaver = house.book(stay(&["double"], 300, 309)).await.unwrap();
    let leave: crate::store::Rule = Arc::new(|made| {
        let mut made = made.clone();
        made.state = crate::types::State::CheckedIn;
        action::check_out(&made, NOW, today().plus(302))
    });
    house.act(leaver.id, leave).await.unwrap();
    let found = overlapping(&house, today().plus(305), today().plus(306)).await;
    assert_eq!(found, [leaver.id]);
    let staying = listed(&house, &Filter::Staying(today().plus(305))).await;
    assert_eq!(staying, []);
}

pub(crate) fn waiting(from: i32) -> Waiting {
    Waiting {
        id: WaitingId::generate(),
        stay: stay(&["double"], from, from + 1),
        guest: Guest {
            name: "Ana".to_owned(),
            ..Guest::default()
        },
        created_us: NOW,
        told_us: None,
    }
}

async fn who_waits_is_told_once(store: &Arc<dyn Store>) {
    let house = House::open(store, "waiting", &[("double", 1)]).await;
    let other = House::open(store, "waiting-other", &[("double", 1)]).await;
    let mut places = Vec::new();
    for number in 0..5 {
        let claim = key(&format!("w{number}"), 1, NOW).claim;
        let place = waiting(number);
        let kept = store.wait(house.code.clone(), place.clone(), claim);
        assert_eq!(kept.await.unwrap(), place);
        places.push(place);
    }
    let claim = key("w0", 1, NOW).claim;
    let again = store.wait(house.code.clone(), waiting(0), claim).await;
    assert_eq!(again.unwrap(), places[0], "the same key, the same place");
    let claim = key("w0", 2, NOW).claim;
    let reused = store.wait(house.code.clone(), waiting(0), claim).await;
    assert_eq!(reused, Err(Error::KeyReused));
    let claim = key("w0", 1, NOW).claim;
    let elsewhere = store.wait(other.code.clone(), waiting(0), claim).await;
    elsewhere.unwrap();

    let mut listed = Vec::new();
    loop {
        let after = listed.last().map(|place: &Waiting| place.id);
        let page = store.waiting_list(&house.code, after, 2).await.unwrap();
        assert!(page.len() <= 2);
        if page.is_empty() {
            break;
        }
        listed.extend(page);
    }
    assert_eq!(listed, places);

    let mail = Mail {
        id: MailId::generate(),
        from: "desk@example.org".to_owned(),
        from_name: "Hotel".to_owned(),
        to: "ana@example.org".to_owned(),
        to_name: "Ana".to_owned(),
        subject: "There is room".to_owned(),
        text: "Come.".to_owned(),
        calendar: String::new(),
    };
    let tell = |id, mail| store.tell_waiting(house.code.clone(), id, mail, NOW + 1);
    let second = Mail {
        id: MailId::generate(),
        ..mail.clone()
    };
    assert_eq!(tell(places[1].id, mail.clone()).await, Ok(true));
    assert_eq!(tell(places[1].id, second.clone()).await, Ok(false));
    let nobody = tell(WaitingId::generate(), second).await;
    assert!(matches!(nobody, Err(Error::NotFound(_))), "{nobody:?}");
    let told = store.waiting_list(&house.code, Some(places[0].id), 1).await;
    assert_eq!(told.unwrap()[0].told_us, Some(NOW + 1));
    let outbox = store.outbox(10).await.unwrap();
    let mails: Vec<_> = outbox.into_iter().map(|queued| queued.mail).collect();
    assert_eq!(mails, [mail]);
}
