//! A hotel: what it is, its rooms with their rates for a stay, and when it is free.

use askama::Template;

use super::calendar::{self, Month};
use super::failure::{self, Failure};
use super::form::Address;
use super::price::{Policy, currency};
use super::start::{FEW_ROOMS, total_for};
use super::text::{Locale, fill};
use super::view::{self, Notice, Page, Stars};
use super::visit::Visit;
use super::wish::{StayForm, Wish};
use crate::bindings::concierge::booking::availability::PricedStay;
use crate::bindings::concierge::booking::catalogue::{
    Error, Hotel, HotelDetails, Meals, RatePlan, Reason, RoomType,
};
use crate::dates::time_of_day_text;
use crate::host::Host;
use crate::reply::Reply;

/// Prices that are asked for to show one page: a hotel with more kinds and rates shows the first of them.
const QUOTES_MAX: usize = 48;

#[derive(Template)]
#[template(path = "hotel.html")]
struct HotelPage {
    p: Page,
    s: StayForm,
    notice: Option<Notice>,
    h: House,
    summary: String,
    rooms: Vec<RoomItem>,
    calendar: Option<Month>,
}

/// A hotel for people.
pub(crate) struct House {
    pub(crate) code: String,
    pub(crate) name: String,
    pub(crate) place: String,
    pub(crate) stars: Option<Stars>,
    pub(crate) paragraphs: Vec<String>,
    pub(crate) amenities: Vec<String>,
    pub(crate) check_in: String,
    pub(crate) check_out: String,
    pub(crate) address: Vec<String>,
    pub(crate) phone: String,
    pub(crate) email: String,
    pub(crate) href: String,
}

impl House {
    pub(crate) fn of(l: Locale, hotel: &Hotel) -> Self {
        let from = time_of_day_text(hotel.check_in_from_min);
        let until = time_of_day_text(hotel.check_out_until_min);
        Self {
            code: hotel.code.clone(),
            name: hotel.name.clone(),
            place: view::place(hotel),
            stars: Stars::of(l.t, hotel),
            paragraphs: view::paragraphs(l.localised(&hotel.description)),
            amenities: hotel.amenities.clone(),
            check_in: fill(l.t.from_time, &[("time", &from)]),
            check_out: fill(l.t.until_time, &[("time", &until)]),
            address: view::address_lines(hotel),
            phone: hotel.phone.clone(),
            email: hotel.email.clone(),
            href: address(&hotel.code),
        }
    }
}

/// The address of a hotel's page.
pub(crate) fn address(hotel: &str) -> String {
    format!("/booking/hotels/{hotel}")
}

struct RoomItem {
    code: String,
    name: String,
    facts: String,
    paragraphs: Vec<String>,
    amenities: Vec<String>,
    offers: Vec<OfferItem>,
    why_none: Option<String>,
}

struct OfferItem {
    name: String,
    meals: &'static str,
    policy: String,
    policy_class: &'static str,
    about: Option<String>,
    total: String,
    total_for: String,
    book: Option<String>,
    wait: Option<String>,
}

/// The page of a hotel.
pub(crate) async fn show<H: Host>(host: &H, visit: &Visit, code: &str) -> Reply {
    let l = visit.locale;
    let details = match host.get_hotel(code.to_owned()).await {
        Ok(details) => details,
        Err(error) => {
            let failure = failure::explain(l, &error).link("/booking", l.t.nav_search);
            return failure.page(visit);
        }
    };
    // Whoever comes without dates sees the usual ones, so that there are prices to look at.
    let asked = visit.query.find("arrival").is_some() || visit.query.find("departure").is_some();
    let usual = Wish::usual(details.today);
    let (wish, problems) = match Wish::read(l, &visit.query) {
        Ok(wish) => (Some(wish), Vec::new()),
        Err(problems) if asked => (None, problems),
        Err(_) => (Some(usual), Vec::new()),
    };
    let failure = (!problems.is_empty()).then(|| Failure::of_fields(l.t, problems.clone()));
    let notice = failure.as_ref().map(|failure| failure.notice.clone());
    let rooms = rooms(host, visit, &details, wish).await;
    let month = calendar::show(host, visit, &details, wish.unwrap_or(usual)).await;
    let template = HotelPage {
        p: Page::of(visit).with(notice.as_ref()),
        s: StayForm::of(wish.unwrap_or(usual), host.now_us(), l.t.update_button)
            .typed(&visit.query, &problems),
        notice,
        h: House::of(l, &details.hotel),
        summary: wish.map_or_else(|| l.t.choose_dates.to_owned(), |wish| wish.summary(l)),
        rooms,
        calendar: month,
    };
    failure::respond(&template, failure.as_ref())
}

async fn rooms<H: Host>(
    host: &H,
    visit: &Visit,
    details: &HotelDetails,
    wish: Option<Wish>,
) -> Vec<RoomItem> {
    let mut quotes_left = QUOTES_MAX;
    let mut items = Vec::new();
    for room_type in &details.room_types {
        let mut item = room_item(visit.locale, room_type);
        if let Some(wish) = wish {
            fill_offers(
                host,
                visit,
                details,
                room_type,
                wish,
                &mut item,
                &mut quotes_left,
            )
            .await;
        } else {
            item.why_none = Some(visit.locale.t.choose_dates.to_owned());
        }
        items.push(item);
    }
    items
}

async fn fill_offers<H: Host>(
    host: &H,
    visit: &Visit,
    details: &HotelDetails,
    room_type: &RoomType,
    wish: Wish,
    item: &mut RoomItem,
    quotes_left: &mut usize,
) {
    let l = visit.locale;
    item.why_none = Some(l.t.not_sold.to_owned());
    for plan in plans_of(details, room_type) {
        let Some(left) = quotes_left.checked_sub(1) else {
            break;
        };
        *quotes_left = left;
        let stay = wish.stay(&room_type.code, &plan.code);
        match host.quote(details.hotel.code.clone(), stay).await {
            Ok(quote) => {
                item.offers
                    .push(offer(host, visit, details, plan, wish, &quote));
            }
            Err(Error::Invalid(invalid)) if invalid.reason != Reason::NotOffered => {
                item.why_none = Some(why_not(l, room_type, plan, invalid.reason));
            }
            Err(_) => {}
        }
    }
    if !item.offers.is_empty() {
        item.why_none = None;
    }
}

/// Why a room is not sold for a stay.
fn why_not(l: Locale, room_type: &RoomType, plan: &RatePlan, reason: Reason) -> String {
    let nights = |text, n| fill(text, &[("nights", &l.nights(n))]);
    match reason {
        Reason::StayTooShort => nights(l.t.at_least_nights, plan.min_nights),
        Reason::StayTooLong => nights(l.t.at_most_nights, plan.max_nights),
        Reason::TooManyGuests => {
            let guests = l.guests(room_type.max_guests);
            fill(l.t.too_many_guests, &[("guests", &guests)])
        }
        _ => l.t.no_offer_fits.to_owned(),
    }
}

/// The open rate plans under which a room type is sold.
fn plans_of<'d>(
    details: &'d HotelDetails,
    room_type: &'d RoomType,
) -> impl Iterator<Item = &'d RatePlan> {
    details
        .rate_plans
        .iter()
        .filter(|plan| plan.open && plan.prices.iter().any(|(sold, _)| *sold == room_type.code))
}

fn room_item(l: Locale, room_type: &RoomType) -> RoomItem {
    let mut facts = Vec::new();
    if !room_type.beds.is_empty() {
        facts.push(room_type.beds.clone());
    }
    if room_type.size_m2 > 0 {
        facts.push(fill(l.t.size, &[("n", &room_type.size_m2.to_string())]));
    }
    facts.push(fill(
        l.t.up_to,
        &[("guests", &l.guests(room_type.max_guests))],
    ));
    RoomItem {
        code: room_type.code.clone(),
        name: room_type.name.clone(),
        facts: facts.join(" · "),
        paragraphs: view::paragraphs(l.localised(&room_type.description)),
        amenities: room_type.amenities.clone(),
        offers: Vec::new(),
        why_none: None,
    }
}

fn offer<H: Host>(
    host: &H,
    visit: &Visit,
    details: &HotelDetails,
    plan: &RatePlan,
    wish: Wish,
    quote: &PricedStay,
) -> OfferItem {
    let l = visit.locale;
    let policy = policy_of(l, details, quote, host.now_us());
    let about = l.localised(&plan.description);
    let choice = |page| choice(&details.hotel.code, page, quote, wish);
    OfferItem {
        name: plan.name.clone(),
        meals: meals(l, plan.meals),
        policy: policy.text,
        policy_class: policy.class,
        about: (!about.is_empty()).then(|| about.to_owned()),
        total: l.money(quote.price.total, currency(&quote.price)),
        total_for: total_for(l, wish),
        book: quote.available.then(|| choice("book")),
        wait: (!quote.available).then(|| choice("wait")),
    }
}

/// What cancelling a quoted stay costs.
pub(crate) fn policy_of(
    l: Locale,
    details: &HotelDetails,
    quote: &PricedStay,
    now_us: u64,
) -> Policy {
    Policy::of(
        l,
        quote.free_until_us,
        quote.penalty,
        currency(&quote.price),
        &details.hotel.time_zone,
        now_us,
    )
}

/// The address at which a quoted stay is booked, or waited for.
fn choice(hotel: &str, page: &str, quote: &PricedStay, wish: Wish) -> String {
    let mut address = Address::to(format!("{}/{page}", address(hotel)));
    if let Some(room) = quote.stay.rooms.first() {
        address = address
            .with("room_type", &room.room_type)
            .with("rate_plan", &room.rate_plan);
    }
    wish.to_address(address).finish()
}

/// What comes with the room.
pub(crate) fn meals(l: Locale, meals: Meals) -> &'static str {
    match meals {
        Meals::RoomOnly => l.t.meals_room_only,
        Meals::Breakfast => l.t.meals_breakfast,
        Meals::HalfBoard => l.t.meals_half_board,
        Meals::FullBoard => l.t.meals_full_board,
    }
}

/// Whether it is worth saying how few rooms are left.
pub(crate) fn are_few(left: u32) -> bool {
    left <= FEW_ROOMS
}
