//! The start page, and what a search has found.

use askama::Template;
use http::StatusCode;

use super::failure::{self, Failure};
use super::form::Address;
use super::text::{Currency, Locale, fill};
use super::view::{self, Notice, Page, Stars};
use super::visit::Visit;
use super::wish::{StayForm, Wish};
use crate::bindings::concierge::booking::availability::{Offer, Order, Query};
use crate::bindings::concierge::booking::catalogue::{Caller, Hotel};
use crate::host::Host;
use crate::reply::Reply;

/// Hotels that the start page shows.
const HOUSES: u32 = 12;

/// Offers of a page of results.
const OFFERS: u32 = 20;

/// Characters of a place that are searched for.
const PLACE_CHARS_MAX: usize = 100;

/// Rooms left of which it is said how few they are.
pub(crate) const FEW_ROOMS: u32 = 3;

/// Amenities that a result shows.
const AMENITIES: usize = 4;

#[derive(Template)]
#[template(path = "start.html")]
struct Start {
    p: Page,
    s: StayForm,
    notice: Option<Notice>,
    houses: Vec<House>,
}

struct House {
    code: String,
    name: String,
    place: String,
    stars: Option<Stars>,
    blurb: String,
    href: String,
}

/// The start page.
pub(crate) async fn start<H: Host>(host: &H, visit: &Visit) -> Reply {
    page(host, visit, None).await
}

async fn page<H: Host>(host: &H, visit: &Visit, failure: Option<Failure>) -> Reply {
    let l = visit.locale;
    let notice = failure.as_ref().map(|failure| failure.notice.clone());
    let problems = notice
        .as_ref()
        .map(|notice| notice.fields.as_slice())
        .unwrap_or_default();
    let wish = Wish::usual(Visit::today(host.now_us()));
    // Where the hotels cannot be had the search still can.
    let hotels = host
        .list_hotels(Caller::Anyone, String::new(), HOUSES)
        .await
        .map(|page| page.hotels)
        .unwrap_or_default();
    let template = Start {
        p: Page::of(visit).with(notice.as_ref()),
        s: StayForm::of(wish, host.now_us(), l.t.search_button)
            .with_place(visit.query.get("q"))
            .typed(&visit.query, problems),
        notice,
        houses: hotels.iter().map(|hotel| house(l, hotel)).collect(),
    };
    failure::respond(&template, failure.as_ref())
}

fn house(l: Locale, hotel: &Hotel) -> House {
    let blurb = view::paragraphs(l.localised(&hotel.description));
    House {
        code: hotel.code.clone(),
        name: hotel.name.clone(),
        place: view::place(hotel),
        stars: Stars::of(l.t, hotel),
        blurb: blurb
            .first()
            .map(|text| shortened(text))
            .unwrap_or_default(),
        href: format!("/booking/hotels/{}", hotel.code),
    }
}

/// The first words of a text.
fn shortened(text: &str) -> String {
    const CHARS: usize = 140;
    if text.chars().count() <= CHARS {
        return text.to_owned();
    }
    let cut: String = text.chars().take(CHARS).collect();
    let whole = cut
        .rsplit_once(' ')
        .map_or(cut.as_str(), |(whole, _)| whole);
    format!("{}…", whole.trim_end_matches([',', '.', ';', ':', ' ']))
}

#[derive(Template)]
#[template(path = "results.html")]
struct Results {
    p: Page,
    s: StayForm,
    notice: Option<Notice>,
    heading: String,
    summary: String,
    sorts: Vec<Sort>,
    offers: Vec<Found>,
    next: Option<String>,
}

struct Sort {
    text: &'static str,
    href: String,
    current: bool,
}

struct Found {
    code: String,
    name: String,
    place: String,
    stars: Option<Stars>,
    room: String,
    plan: String,
    amenities: Vec<String>,
    total: String,
    total_for: String,
    few_left: Option<String>,
    href: String,
}

/// What a search has found.
pub(crate) async fn search<H: Host>(host: &H, visit: &Visit) -> Reply {
    let l = visit.locale;
    let form = &visit.query;
    let wish = match Wish::read(l, form) {
        Ok(wish) => wish,
        Err(problems) => {
            let failure = Failure::of_fields(l.t, problems);
            return page(host, visit, Some(failure)).await;
        }
    };
    let place: String = form.get("q").chars().take(PLACE_CHARS_MAX).collect();
    let order = order(form.get("sort"));
    let query = query(visit, wish, &place, order);
    let found = match host.search(query).await {
        Ok(found) => found,
        Err(error) => return page(host, visit, Some(failure::explain(l, &error))).await,
    };
    let template = Results {
        p: Page::of(visit),
        s: StayForm::of(wish, host.now_us(), l.t.search_button).with_place(&place),
        notice: None,
        heading: if place.is_empty() {
            l.t.results_heading.to_owned()
        } else {
            fill(l.t.results_heading_place, &[("place", &place)])
        },
        summary: wish.summary(l),
        sorts: sorts(l, wish, &place, order),
        offers: found
            .offers
            .iter()
            .map(|offer| shown(l, wish, offer))
            .collect(),
        next: found.next.map(|next| {
            address(wish, &place)
                .with("sort", order_name(order))
                .with("after", &next)
                .finish()
        }),
    };
    view::html(StatusCode::OK, &template)
}

fn query(visit: &Visit, wish: Wish, place: &str, order: Order) -> Query {
    Query {
        text: place.to_owned(),
        near: None,
        arrival: wish.arrival,
        departure: wish.departure,
        rooms: wish.rooms,
        adults: wish.adults,
        children: wish.children,
        currency: None,
        min_total: None,
        max_total: None,
        order,
        after: visit
            .query
            .find("after")
            .filter(|after| !after.is_empty())
            .map(str::to_owned),
        max: OFFERS,
        client: visit.client.clone(),
    }
}

fn order(name: &str) -> Order {
    match name {
        "stars" => Order::Stars,
        "name" => Order::Name,
        _ => Order::Price,
    }
}

fn order_name(order: Order) -> &'static str {
    match order {
        Order::Stars => "stars",
        Order::Name => "name",
        Order::Price | Order::Distance => "price",
    }
}

fn address(wish: Wish, place: &str) -> Address {
    wish.to_address(Address::to("/booking/search").with_some("q", place))
}

fn sorts(l: Locale, wish: Wish, place: &str, current: Order) -> Vec<Sort> {
    [
        (Order::Price, l.t.sort_price),
        (Order::Stars, l.t.sort_stars),
        (Order::Name, l.t.sort_name),
    ]
    .into_iter()
    .map(|(order, text)| Sort {
        text,
        href: address(wish, place)
            .with("sort", order_name(order))
            .finish(),
        current: order == current,
    })
    .collect()
}

fn shown(l: Locale, wish: Wish, offer: &Offer) -> Found {
    let hotel = &offer.hotel;
    let currency = Currency {
        code: &hotel.currency,
        digits: offer.currency_digits,
    };
    let page = Address::to(format!("/booking/hotels/{}", hotel.code));
    Found {
        code: hotel.code.clone(),
        name: hotel.name.clone(),
        place: view::place(hotel),
        stars: Stars::of(l.t, hotel),
        room: offer.room_type_name.clone(),
        plan: offer.rate_plan_name.clone(),
        amenities: hotel.amenities.iter().take(AMENITIES).cloned().collect(),
        total: l.money(offer.total, currency),
        total_for: total_for(l, wish),
        few_left: (offer.left <= FEW_ROOMS).then(|| l.left(offer.left)),
        href: format!("{}#rates", wish.to_address(page).finish()),
    }
}

/// What a total is for: `for 3 nights, 1 room, taxes included`.
pub(crate) fn total_for(l: Locale, wish: Wish) -> String {
    let (nights, rooms) = (l.nights(wish.nights()), l.rooms(wish.rooms));
    fill(l.t.total_for, &[("nights", &nights), ("rooms", &rooms)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_words() {
        assert_eq!(shortened("Short."), "Short.");
        let long = "ämter ".repeat(60);
        let cut = shortened(&long);
        assert!(cut.ends_with("ämter…"), "{cut}");
        assert!(cut.chars().count() <= 141);
    }
}
