//! A day at the front desk: who arrives, who is in the house, who departs, and how full it is.

use askama::Template;

use super::entry::{Desk, Entry, List};
use super::{Staff, sign_in};
use crate::bindings::concierge::booking::catalogue::{Date, Error, HotelDetails};
use crate::bindings::concierge::booking::reports::Day;
use crate::bindings::concierge::booking::reservations::{
    Action, Filter, Reservation, ReservationPage, State,
};
use crate::dates::{civil, parse, text};
use crate::host::Host;
use crate::pages::decide;
use crate::pages::failure::{self, Failure};
use crate::pages::form::{Address, Form};
use crate::pages::language::Language;
use crate::pages::route::{DeskAct, named};
use crate::pages::text::{Currency, Locale, dates, fill};
use crate::pages::view::{self, Notice, Page, Tone};
use crate::pages::visit::Visit;
use crate::reply::Reply;

/// Reservations of a list; a house with more arrivals in a day finds them by name.
const ENTRIES_MAX: u32 = 100;

/// Characters of a name or code that are searched for.
const FIND_CHARS_MAX: usize = 100;

/// Height of a bar of the week, as the template draws it.
const BAR_HEIGHT: u32 = 40;

#[derive(Template)]
#[template(path = "desk.html")]
struct DeskPage {
    p: Page,
    notice: Option<Notice>,
    hotel_name: String,
    here: String,
    day_iso: String,
    day_long: String,
    day_short: String,
    is_today: bool,
    previous: String,
    today: String,
    next: String,
    find: String,
    figures: Vec<Figure>,
    week: Vec<WeekDay>,
    lists: Vec<List>,
}

struct Figure {
    label: &'static str,
    value: String,
    detail: String,
}

struct WeekDay {
    name: String,
    href: String,
    current: bool,
    share: String,
    bar_top: u32,
    bar_height: u32,
}

/// The day that was asked for, else today.
pub(crate) async fn show<H: Host>(host: &H, visit: &Visit, hotel: &str) -> Reply {
    match sign_in(host, visit).await {
        Ok(staff) => render(host, visit, &staff, hotel, &visit.query, None).await,
        Err(instead) => instead,
    }
}

/// Does something with a reservation, and comes back to the day.
pub(crate) async fn act<H: Host>(
    host: &H,
    visit: &Visit,
    hotel: &str,
    name: &str,
    act: DeskAct,
    form: &Form,
) -> Reply {
    let staff = match sign_in(host, visit).await {
        Ok(staff) => staff,
        Err(instead) => return instead,
    };
    let back = Address::to(address(hotel))
        .with_some("day", form.get("day"))
        .with_some("find", form.get("find"));
    let Some(key) = decide::sent_key(form) else {
        return view::see_other(&back.finish());
    };
    let action = match act {
        DeskAct::CheckIn => Action::CheckIn,
        DeskAct::CheckOut => Action::CheckOut,
        DeskAct::NoShow => Action::NoShow,
        DeskAct::Cancel => Action::Cancel,
    };
    let idempotency = decide::idempotency(key, &visit.path, form);
    let acted = host
        .act(
            staff.caller.clone(),
            hotel.to_owned(),
            name.to_owned(),
            action,
            form.number("version"),
            Some(idempotency.clone()),
            visit.client.clone(),
        )
        .await;
    let again = async |error: &Error| {
        let failure = failure::explain(visit.locale, error);
        render(host, visit, &staff, hotel, form, Some(failure)).await
    };
    match acted {
        Ok(decided) => {
            let caller = staff.caller.clone();
            let render = async |outcome: Result<Reservation, Error>| match outcome {
                Ok(r) => {
                    let done = back.with("done", act.name()).with("code", &r.code);
                    view::see_other(&done.finish())
                }
                Err(error) => again(&error).await,
            };
            decide::answer(host, caller, hotel, idempotency, decided, render).await
        }
        Err(error) => again(&error).await,
    }
}

fn address(hotel: &str) -> String {
    format!("/booking/desk/{hotel}")
}

async fn render<H: Host>(
    host: &H,
    visit: &Visit,
    staff: &Staff,
    hotel: &str,
    form: &Form,
    failure: Option<Failure>,
) -> Reply {
    let l = visit.locale;
    let details = host
        .get_hotel_for_staff(staff.caller.clone(), hotel.to_owned())
        .await;
    let details = match details {
        Ok(details) => details,
        Err(error) => return failure::explain(l, &error).page(visit),
    };
    let day = parse(form.get("day")).unwrap_or(details.today);
    let find: String = form.get("find").chars().take(FIND_CHARS_MAX).collect();
    let lists = match lists(host, l, staff, &details, day, &find).await {
        Ok(lists) => lists,
        Err(error) => return failure::explain(l, &error).page(visit),
    };
    let monday = day.saturating_sub_unsigned(weekday(day));
    let report = host
        .occupancy(staff.caller.clone(), hotel.to_owned(), monday, 7)
        .await;
    let report = match report {
        Ok(report) => report,
        Err(error) => return failure::explain(l, &error).page(visit),
    };
    let notice = match &failure {
        Some(failure) => Some(failure.notice.clone()),
        None => done(l, form),
    };
    let on = |day: Date| Address::to(address(hotel)).with("day", &text(day)).finish();
    let template = DeskPage {
        p: Page::of(visit).found_at(on(day)).with(notice.as_ref()),
        notice,
        hotel_name: details.hotel.name.clone(),
        here: address(hotel),
        day_iso: text(day),
        day_long: l.date_long(day),
        day_short: l.date(day),
        is_today: day == details.today,
        previous: on(day.saturating_sub(1)),
        today: address(hotel),
        next: on(day.saturating_add(1)),
        find,
        figures: figures(l, &details, day, &report),
        week: report
            .iter()
            .map(|of| week_day(l, of, day, on(of.day)))
            .collect(),
        lists,
    };
    failure::respond(&template, failure.as_ref())
}

fn weekday(day: Date) -> u32 {
    u32::try_from(dates::weekday_index(civil(day))).unwrap_or_default()
}

/// What was done just now, as the address says.
fn done(l: Locale, form: &Form) -> Option<Notice> {
    let act = DeskAct::from_name(form.get("done"))?;
    let code = named(form.get("code"))?;
    let text = match act {
        DeskAct::CheckIn => l.t.desk_done_check_in,
        DeskAct::CheckOut => l.t.desk_done_check_out,
        DeskAct::NoShow => l.t.desk_done_no_show,
        DeskAct::Cancel => l.t.desk_done_cancel,
    };
    let text = fill(text, &[("code", code)]);
    Some(Notice::new(Tone::Good, l.t.desk_done, text))
}

async fn lists<H: Host>(
    host: &H,
    l: Locale,
    staff: &Staff,
    details: &HotelDetails,
    day: Date,
    find: &str,
) -> Result<Vec<List>, Error> {
    let t = l.t;
    let mut back = vec![("day", text(day))];
    if !find.is_empty() {
        back.push(("find", find.to_owned()));
    }
    let desk = Desk {
        host,
        l,
        today: details.today,
        back: &back,
    };
    let list = async |filter: Filter, keep: fn(&Reservation, Date) -> bool| {
        let hotel = details.hotel.code.clone();
        let page = host
            .list_reservations(staff.caller.clone(), hotel, filter, None, ENTRIES_MAX)
            .await?;
        Ok::<_, Error>(entries(&desk, &page, day, keep))
    };
    let named_list = |id, title, empty, (entries, more): (Vec<Entry>, bool)| List {
        id,
        title,
        empty,
        count: entries.len(),
        entries,
        more,
    };
    let mut lists = Vec::new();
    if !find.is_empty() {
        let found = list(Filter::Matching(find.to_owned()), |_, _| true).await?;
        lists.push(named_list("found", t.desk_found, t.desk_found_none, found));
    }
    let arriving = list(Filter::Arriving(day), |r, _| is_expected(r)).await?;
    let staying = list(Filter::Staying(day), is_in_house).await?;
    let departing = list(Filter::Departing(day), |r, _| is_expected(r)).await?;
    lists.extend([
        named_list("arrivals", t.desk_arrivals, t.desk_arrivals_none, arriving),
        named_list("in-house", t.desk_in_house, t.desk_in_house_none, staying),
        named_list(
            "departures",
            t.desk_departures,
            t.desk_departures_none,
            departing,
        ),
    ]);
    Ok(lists)
}

fn entries<H: Host>(
    desk: &Desk<'_, H>,
    page: &ReservationPage,
    day: Date,
    keep: fn(&Reservation, Date) -> bool,
) -> (Vec<Entry>, bool) {
    let entries = page
        .reservations
        .iter()
        .filter(|r| keep(r, day))
        .map(|r| desk.entry(r))
        .collect();
    (entries, page.next.is_some())
}

/// Whether a reservation is one that the desk has to do with.
fn is_expected(r: &Reservation) -> bool {
    !matches!(r.state, State::Cancelled | State::Expired)
}

/// Whether somebody is in the house in the night of a day: checked in, or there since an earlier day.
fn is_in_house(r: &Reservation, day: Date) -> bool {
    match r.state {
        State::CheckedIn | State::CheckedOut => true,
        State::Held | State::Confirmed => r.stay.arrival < day,
        State::Cancelled | State::NoShow | State::Expired => false,
    }
}

fn figures(l: Locale, details: &HotelDetails, day: Date, report: &[Day]) -> Vec<Figure> {
    let Some(of) = report.iter().find(|of| of.day == day) else {
        return Vec::new();
    };
    let t = l.t;
    let currency = Currency {
        code: &details.hotel.currency,
        digits: details.currency_digits,
    };
    let figure = |label, value, detail: &str| Figure {
        label,
        value,
        detail: detail.to_owned(),
    };
    let (n, all) = (of.reserved.to_string(), of.rooms.to_string());
    vec![
        figure(
            t.desk_occupancy,
            percent(l, of),
            &fill(t.desk_rooms_of, &[("n", &n), ("all", &all)]),
        ),
        figure(t.desk_arrivals, of.arrivals.to_string(), t.desk_rooms),
        figure(t.desk_departures, of.departures.to_string(), t.desk_rooms),
        figure(
            t.desk_revenue,
            l.money(of.revenue, currency),
            t.desk_revenue_about,
        ),
    ]
}

/// How full the house is, of the given number of parts; overbooked it is more than full.
fn share(of: &Day, parts: u32) -> u32 {
    let share = u64::from(of.reserved) * u64::from(parts) / u64::from(of.rooms.max(1));
    u32::try_from(share).unwrap_or(u32::MAX)
}

fn percent(l: Locale, of: &Day) -> String {
    let percent = share(of, 100);
    match l.language {
        Language::English => format!("{percent}%"),
        Language::German => format!("{percent}\u{a0}%"),
    }
}

fn week_day(l: Locale, of: &Day, shown: Date, href: String) -> WeekDay {
    let bar_height = share(of, BAR_HEIGHT).min(BAR_HEIGHT);
    let name = dates::weekdays(l.t)
        .into_iter()
        .nth(dates::weekday_index(civil(of.day)))
        .map(|weekday| weekday.short)
        .unwrap_or_default();
    WeekDay {
        name: format!("{name} {}", civil(of.day).day()),
        href,
        current: of.day == shown,
        share: percent(l, of),
        bar_top: BAR_HEIGHT - bar_height,
        bar_height,
    }
}
