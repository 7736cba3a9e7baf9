//! Which arguments cannot be: guests, hotels and what belongs to them.
//!
//! What is kept here was checked here, so that nothing downstream (mails, calendars, pages) meets a line break in a
//! name, or a text that is not bounded.

use crate::error::{Error, Reason};
use crate::rules::price::PRICE_MAX;
use crate::types::{
    Address, Allotment, Catalogue, Date, Guest, Hotel, Localised, MINUTES_PER_DAY, Money, Penalty,
    Photo, Position, Rate, RatePlan, RoomType, Zone,
};

/// Longest name of a person, a place or a thing, bytes.
pub const NAME_MAX_BYTES: usize = 200;
/// Longest text for people, bytes: some pages.
pub const TEXT_MAX_BYTES: usize = 20_000;
/// Longest wishes of a guest, bytes: a page.
pub const NOTES_MAX_BYTES: usize = 2_000;
/// Longest address of mail, bytes: RFC 5321 §4.5.3.1.3, without the angle brackets.
pub const EMAIL_MAX_BYTES: usize = 254;
/// Longest telephone number, bytes: 15 digits (ITU-T E.164), and how people write them.
pub const PHONE_MAX_BYTES: usize = 40;
/// Longest tag of a language, bytes (RFC 5646 §4.4.1).
pub const LANGUAGE_MAX_BYTES: usize = 35;
/// Most languages of a text.
pub const LANGUAGES_MAX: usize = 40;
/// Most amenities, and most pictures, of one thing.
pub const LIST_MAX: usize = 200;
/// Longest key of an object, bytes (S3).
pub const OBJECT_KEY_MAX_BYTES: usize = 1024;
/// Most rooms of a type: more than any hotel has.
pub const ROOMS_MAX: u32 = 100_000;
/// Most guests of a room: a dormitory.
pub const ROOM_GUESTS_MAX: u32 = 100;
/// Highest tax, hundredths of a percent: 100%.
pub const TAX_MAX_BASIS_POINTS: u32 = 10_000;
/// Highest overbooking, percent: twice the rooms there are.
pub const OVERBOOKING_MAX_PERCENT: u32 = 100;
/// Shortest hold, seconds: nobody types faster.
pub const HOLD_MIN_S: u32 = 60;
/// Longest hold, seconds: a day.
pub const HOLD_MAX_S: u32 = 24 * 3_600;
/// Most room types, and most rate plans, of a hotel.
pub const KINDS_MAX: usize = 100;
/// Most nights of a rate plan's limits; above the longest stay they mean nothing.
pub const PLAN_NIGHTS_MAX: u32 = 10_000;
/// Earliest end of free cancellation, hours before check-in: a year.
pub const FREE_UNTIL_MAX_H: u32 = 366 * 24;
/// Most rates or allotments set at once.
pub const EDITS_MAX: usize = 1_000;
/// Most nights of one rate or allotment: the three years that can be booked, and the stays that begin there.
pub const EDIT_NIGHTS_MAX: i32 = 1_500;
/// Most nights of all rates or allotments set at once: what one transaction writes.
pub const EDIT_NIGHTS_SUM_MAX: i64 = 100_000;
/// Longest URL of a webhook, bytes.
pub const URL_MAX_BYTES: usize = 2_000;
/// Most webhooks of a hotel.
pub const WEBHOOKS_MAX: usize = 10;
/// Most staff of a hotel.
pub const STAFF_MAX: usize = 1_000;
/// Longest token of a payment method, bytes.
pub const METHOD_MAX_BYTES: usize = 500;
/// Longest idempotency key, characters.
pub const KEY_MAX_CHARS: usize = 255;

type Checked = Result<(), Error>;

/// Checks who stays. `field` is the record's place.
///
/// # Errors
/// [`Error::Invalid`] with the field.
pub fn guest(guest: &Guest) -> Checked {
    name("guest.name", &guest.name)?;
    email("guest.email", &guest.email)?;
    line("guest.phone", &guest.phone, PHONE_MAX_BYTES)?;
    if !guest.country.is_empty() {
        country("guest.country", &guest.country)?;
    }
    if !guest.language.is_empty() {
        language("guest.language", &guest.language)?;
    }
    text("guest.notes", &guest.notes, NOTES_MAX_BYTES)
}

/// Checks a hotel.
///
/// # Errors
/// [`Error::Invalid`] with the field.
pub fn hotel(hotel: &Hotel) -> Checked {
    name("name", &hotel.name)?;
    localised("description", &hotel.description)?;
    address(&hotel.address)?;
    if let Some(place) = hotel.position {
        position("position", place)?;
    }
    if !hotel.email.is_empty() {
        email("email", &hotel.email)?;
    }
    line("phone", &hotel.phone, PHONE_MAX_BYTES)?;
    if Zone::named(&hotel.time_zone).is_none() {
        let detail = "It is not a time zone of the IANA database, such as Europe/Lisbon.";
        return Err(Error::invalid("time_zone", Reason::TimeZone, detail));
    }
    currency("currency", &hotel.currency)?;
    at_most(
        "tax_basis_points",
        hotel.tax_basis_points,
        TAX_MAX_BASIS_POINTS,
    )?;
    money("city_tax", hotel.city_tax)?;
    at_most(
        "overbooking_percent",
        hotel.overbooking_percent,
        OVERBOOKING_MAX_PERCENT,
    )?;
    at_least("hold_s", hotel.hold_s, HOLD_MIN_S)?;
    at_most("hold_s", hotel.hold_s, HOLD_MAX_S)?;
    at_most(
        "check_in_from_min",
        hotel.check_in_from_min,
        MINUTES_PER_DAY,
    )?;
    at_most(
        "check_out_until_min",
        hotel.check_out_until_min,
        MINUTES_PER_DAY,
    )?;
    at_most("stars_tenths", hotel.stars_tenths, 70)?;
    names("amenities", &hotel.amenities)?;
    photos(&hotel.photos)
}

/// Checks a room type.
///
/// # Errors
/// [`Error::Invalid`] with the field.
pub fn room_type(kind: &RoomType) -> Checked {
    name("name", &kind.name)?;
    localised("description", &kind.description)?;
    at_most("rooms", kind.rooms, ROOMS_MAX)?;
    at_least("max_guests", kind.max_guests, 1)?;
    at_most("max_guests", kind.max_guests, ROOM_GUESTS_MAX)?;
    at_most("max_adults", kind.max_adults, ROOM_GUESTS_MAX)?;
    at_most("max_children", kind.max_children, ROOM_GUESTS_MAX)?;
    at_most("size_m2", kind.size_m2, 100_000)?;
    line("beds", &kind.beds, NAME_MAX_BYTES)?;
    names("amenities", &kind.amenities)?;
    photos(&kind.photos)
}

/// Checks a rate plan of a hotel.
///
/// # Errors
/// [`Error::Invalid`] with the field.
pub fn rate_plan(plan: &RatePlan, catalogue: &Catalogue) -> Checked {
    name("name", &plan.name)?;
    localised("description", &plan.description)?;
    if let Some(hours) = plan.free_until_h {
        at_most("free_until_h", hours, FREE_UNTIL_MAX_H)?;
    }
    if let Penalty::Percent(percent) = plan.penalty {
        at_most("penalty", percent, 100)?;
    }
    at_least("min_nights", plan.min_nights, 1)?;
    at_most("max_nights", plan.max_nights, PLAN_NIGHTS_MAX)?;
    at_least("max_nights", plan.max_nights, plan.min_nights)?;
    listed("prices", plan.prices.len(), KINDS_MAX)?;
    for (index, (kind, price)) in plan.prices.iter().enumerate() {
        let field = format!("prices.{index}");
        if catalogue.room_type(kind).is_none() {
            let detail = format!("There is no room type {kind}.");
            return Err(Error::invalid(field, Reason::NotOffered, detail));
        }
        money(&field, *price)?;
    }
    Ok(())
}

/// Checks prices that are to be set.
///
/// # Errors
/// [`Error::Invalid`] with the field.
pub fn rates(rates: &[Rate], catalogue: &Catalogue) -> Checked {
    listed("rates", rates.len(), EDITS_MAX)?;
    let mut nights = 0;
    for (index, rate) in rates.iter().enumerate() {
        let not_here = |field: &str| {
            let field = format!("rates.{index}.{field}");
            Err(Error::invalid(
                field,
                Reason::NotOffered,
                "There is none of that code.",
            ))
        };
        if catalogue.rate_plan(&rate.rate_plan).is_none() {
            return not_here("rate_plan");
        }
        if catalogue.room_type(&rate.room_type).is_none() {
            return not_here("room_type");
        }
        nights += span(&format!("rates.{index}"), rate.first, rate.last)?;
        if let Some(price) = rate.price {
            money(&format!("rates.{index}.price"), price)?;
        }
    }
    not_too_many_nights("rates", nights)
}

/// Checks allotments that are to be set.
///
/// # Errors
/// [`Error::Invalid`] with the field.
pub fn allotments(allotments: &[Allotment], catalogue: &Catalogue) -> Checked {
    listed("allotments", allotments.len(), EDITS_MAX)?;
    let mut nights = 0;
    for (index, allotment) in allotments.iter().enumerate() {
        let field = format!("allotments.{index}");
        if catalogue.room_type(&allotment.room_type).is_none() {
            let field = format!("{field}.room_type");
            let detail = "There is none of that code.";
            return Err(Error::invalid(field, Reason::NotOffered, detail));
        }
        nights += span(&field, allotment.first, allotment.last)?;
        at_most(
            &format!("{field}.rooms"),
            allotment.rooms.unwrap_or(0),
            ROOMS_MAX,
        )?;
    }
    not_too_many_nights("allotments", nights)
}

/// Checks the URL of a webhook: `http` or `https`, with a host, without a user or a fragment. Whether it may be called
/// is decided when it is.
///
/// # Errors
/// [`Error::Invalid`].
pub fn webhook_url(url: &str) -> Checked {
    if url.len() > URL_MAX_BYTES {
        return Err(too_large("url", URL_MAX_BYTES));
    }
    let rest = url.strip_prefix("https://").or(url.strip_prefix("http://"));
    let authority = rest.map(|rest| rest.split(['/', '?']).next().unwrap_or(""));
    let good = authority.is_some_and(|authority| {
        let host = authority
            .rsplit_once(':')
            .map_or(authority, |(host, _)| host);
        !host.is_empty() && !authority.contains('@')
    });
    let plain = url
        .bytes()
        .all(|b| b.is_ascii_graphic() && !matches!(b, b'#' | b'\\' | b'<' | b'>' | b'"'));
    match good && plain {
        true => Ok(()),
        false => {
            let detail = "It is not an http or https URL with a host, without user and fragment.";
            Err(Error::invalid("url", Reason::Malformed, detail))
        }
    }
}

/// Checks a currency's code.
///
/// # Errors
/// [`Error::Invalid`].
pub fn currency(field: &str, code: &str) -> Checked {
    match iso_currency::Currency::from_code(code) {
        Some(_) => Ok(()),
        None => {
            let detail = "It is not a currency of ISO 4217, such as EUR.";
            Err(Error::invalid(field, Reason::Currency, detail))
        }
    }
}

/// Checks a point on the Earth.
///
/// # Errors
/// [`Error::Invalid`].
pub fn position(field: &str, position: Position) -> Checked {
    let good = (-90.0..=90.0).contains(&position.latitude)
        && (-180.0..=180.0).contains(&position.longitude);
    match good {
        true => Ok(()),
        false => Err(malformed(
            field,
            "It is not a point on the Earth, in degrees.",
        )),
    }
}

fn address(address: &Address) -> Checked {
    line("address.street", &address.street, NAME_MAX_BYTES)?;
    line("address.city", &address.city, NAME_MAX_BYTES)?;
    line("address.region", &address.region, NAME_MAX_BYTES)?;
    line("address.postal_code", &address.postal_code, PHONE_MAX_BYTES)?;
    country("address.country", &address.country)
}

fn country(field: &str, code: &str) -> Checked {
    match code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase()) {
        true => Ok(()),
        false => Err(malformed(
            field,
            "It is not a country's code of two capitals, such as PT.",
        )),
    }
}

fn language(field: &str, tag: &str) -> Checked {
    let part = |part: &str| {
        (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    match tag.len() <= LANGUAGE_MAX_BYTES && tag.split('-').all(part) {
        true => Ok(()),
        false => Err(malformed(
            field,
            "It is not a language's tag, such as en or pt-br.",
        )),
    }
}

/// An address of mail as people have them (RFC 5321 §4.1.2): a local part without quotes, and a domain. Which addresses
/// exist, only a mail finds out.
fn email(field: &str, address: &str) -> Checked {
    if address.len() > EMAIL_MAX_BYTES {
        return Err(too_large(field, EMAIL_MAX_BYTES));
    }
    let plain = |c: char| !c.is_control() && !c.is_whitespace() && !"<>()[],;:\\\"@".contains(c);
    let good = address.rsplit_once('@').is_some_and(|(local, domain)| {
        let labels =
            |label: &str| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-');
        !local.is_empty()
            && local.len() <= 64
            && local.chars().all(plain)
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..")
            && domain.split('.').all(labels)
            && domain
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '-' | '.'))
    });
    match good {
        true => Ok(()),
        false => Err(malformed(field, "It is not an address of mail.")),
    }
}

fn localised(field: &str, texts: &[Localised]) -> Checked {
    listed(field, texts.len(), LANGUAGES_MAX)?;
    for (index, entry) in texts.iter().enumerate() {
        language(&format!("{field}.{index}.language"), &entry.language)?;
        text(
            &format!("{field}.{index}.text"),
            &entry.text,
            TEXT_MAX_BYTES,
        )?;
    }
    Ok(())
}

fn photos(photos: &[Photo]) -> Checked {
    listed("photos", photos.len(), LIST_MAX)?;
    for (index, photo) in photos.iter().enumerate() {
        line(&format!("photos.{index}.bucket"), &photo.bucket, 63)?;
        line(
            &format!("photos.{index}.key"),
            &photo.key,
            OBJECT_KEY_MAX_BYTES,
        )?;
        localised(&format!("photos.{index}.alt"), &photo.alt)?;
    }
    Ok(())
}

fn names(field: &str, names: &[String]) -> Checked {
    listed(field, names.len(), LIST_MAX)?;
    let mut names = names.iter().enumerate();
    names.try_for_each(|(index, entry)| name(&format!("{field}.{index}"), entry))
}

/// A name: one line that has something on it.
fn name(field: &str, name: &str) -> Checked {
    if name.trim().is_empty() {
        return Err(malformed(field, "It must not be empty."));
    }
    line(field, name, NAME_MAX_BYTES)
}

fn line(field: &str, line: &str, max_bytes: usize) -> Checked {
    if line.len() > max_bytes {
        return Err(too_large(field, max_bytes));
    }
    match line.chars().any(char::is_control) {
        true => Err(malformed(field, "It must not have control characters.")),
        false => Ok(()),
    }
}

fn text(field: &str, text: &str, max_bytes: usize) -> Checked {
    if text.len() > max_bytes {
        return Err(too_large(field, max_bytes));
    }
    match text
        .chars()
        .any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
    {
        true => Err(malformed(field, "It must not have control characters.")),
        false => Ok(()),
    }
}

fn money(field: &str, amount: Money) -> Checked {
    match amount {
        0..=PRICE_MAX => Ok(()),
        ..0 => Err(malformed(field, "It must not be below 0.")),
        _ => Err(Error::invalid(
            field,
            Reason::TooLarge,
            format!("It is above {PRICE_MAX}."),
        )),
    }
}

/// How many nights there are from `first` to `last`.
fn span(field: &str, first: Date, last: Date) -> Result<i64, Error> {
    let nights = last.since(first).saturating_add(1);
    if nights < 1 {
        let detail = "The last night is before the first.";
        return Err(Error::invalid(
            format!("{field}.last"),
            Reason::DatesOrder,
            detail,
        ));
    }
    if nights > EDIT_NIGHTS_MAX {
        let detail = format!("At most {EDIT_NIGHTS_MAX} nights.");
        return Err(Error::invalid(
            format!("{field}.last"),
            Reason::TooLarge,
            detail,
        ));
    }
    Ok(i64::from(nights))
}

fn not_too_many_nights(field: &str, nights: i64) -> Checked {
    match nights > EDIT_NIGHTS_SUM_MAX {
        true => {
            let detail = format!("They have more than {EDIT_NIGHTS_SUM_MAX} nights together.");
            Err(Error::invalid(field, Reason::TooLarge, detail))
        }
        false => Ok(()),
    }
}

fn listed(field: &str, count: usize, max: usize) -> Checked {
    match count > max {
        true => Err(Error::invalid(
            field,
            Reason::TooLarge,
            format!("At most {max}."),
        )),
        false => Ok(()),
    }
}

fn at_most(field: &str, number: u32, max: u32) -> Checked {
    match number > max {
        true => Err(Error::invalid(
            field,
            Reason::TooLarge,
            format!("At most {max}."),
        )),
        false => Ok(()),
    }
}

fn at_least(field: &str, number: u32, min: u32) -> Checked {
    match number < min {
        true => Err(malformed(field, format!("At least {min}."))),
        false => Ok(()),
    }
}

fn malformed(field: &str, detail: impl Into<String>) -> Error {
    Error::invalid(field, Reason::Malformed, detail)
}

fn too_large(field: &str, max_bytes: usize) -> Error {
    Error::invalid(
        field,
        Reason::TooLarge,
        format!("At most {max_bytes} bytes."),
    )
}
