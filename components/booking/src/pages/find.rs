//! The way to a reservation for those who have its code and its key, but not the link.

use askama::Template;

use super::failure::{self, Failure};
use super::form::Form;
use super::reservation;
use super::route::{code, named};
use super::view::{self, Field, FieldProblem, Notice, Page};
use super::visit::Visit;
use crate::bindings::concierge::booking::catalogue::Caller;
use crate::host::Host;
use crate::reply::Reply;

/// Hotels that can be chosen from a list; where there are more, the hotel's code is typed.
const HOTELS_MAX: u32 = 200;

/// Characters of the code of a reservation, with what people put between them.
const CODE_CHARS_MAX: usize = 36;

/// Characters of a guest's token.
const TOKEN_CHARS_MAX: usize = 64;

#[derive(Template)]
#[template(path = "find.html")]
struct Find {
    p: Page,
    notice: Option<Notice>,
    hotel: String,
    hotels: Vec<House>,
    fields: Vec<Field>,
}

struct House {
    code: String,
    name: String,
    place: String,
}

/// The empty form.
pub(crate) async fn show<H: Host>(host: &H, visit: &Visit) -> Reply {
    render(host, visit, &visit.query, None).await
}

/// The form with what was typed and what is wrong with it.
pub(crate) async fn render<H: Host>(
    host: &H,
    visit: &Visit,
    typed: &Form,
    failure: Option<Failure>,
) -> Reply {
    let notice = failure.as_ref().map(|failure| failure.notice.clone());
    let problems = notice
        .as_ref()
        .map(|notice| notice.fields.as_slice())
        .unwrap_or_default();
    let listed = host
        .list_hotels(Caller::Anyone, String::new(), HOTELS_MAX)
        .await;
    let hotels = match listed {
        Ok(page) if page.next.is_none() => page.hotels,
        _ => Vec::new(),
    };
    let template = Find {
        p: Page::of(visit)
            .found_at("/booking/reservation".to_owned())
            .with(notice.as_ref()),
        hotel: typed.get("hotel").to_owned(),
        hotels: hotels
            .iter()
            .map(|hotel| House {
                code: hotel.code.clone(),
                name: hotel.name.clone(),
                place: view::place(hotel),
            })
            .collect(),
        fields: fields(visit, typed, problems),
        notice,
    };
    failure::respond(&template, failure.as_ref())
}

fn fields(visit: &Visit, typed: &Form, problems: &[FieldProblem]) -> Vec<Field> {
    let t = visit.locale.t;
    [
        ("code", t.code, t.find_code_hint, CODE_CHARS_MAX),
        ("token", t.find_token, t.find_token_hint, TOKEN_CHARS_MAX),
    ]
    .into_iter()
    .map(|(id, label, hint, max_length)| Field {
        id,
        label,
        kind: "text",
        value: typed.get(id).to_owned(),
        error: problems
            .iter()
            .find(|problem| problem.id == id)
            .map(|problem| problem.text.clone()),
        hint: Some(hint),
        autocomplete: "off",
        required: true,
        max_length,
    })
    .collect()
}

/// Opens the reservation.
pub(crate) async fn submit<H: Host>(host: &H, visit: &Visit, form: &Form) -> Reply {
    let t = visit.locale.t;
    // Read aloud and typed with spaces, dashes or in small letters it is the same code.
    let typed_code: String = form
        .get("code")
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .collect::<String>()
        .to_ascii_uppercase();
    let (hotel, name, token) = (
        code(form.get("hotel")),
        named(&typed_code),
        form.get("token"),
    );
    let (Some(hotel), Some(name), false) = (hotel, name, token.is_empty()) else {
        let problems = [
            ("hotel", hotel.is_none(), t.wrong_hotel),
            ("code", name.is_none(), t.wrong_code),
            ("token", token.is_empty(), t.wrong_token),
        ]
        .into_iter()
        .filter(|(_, wrong, _)| *wrong)
        .map(|(id, _, text)| FieldProblem {
            id,
            text: text.to_owned(),
        })
        .collect();
        let failure = Failure::of_fields(t, problems);
        return render(host, visit, form, Some(failure)).await;
    };
    match reservation::unlock(host, visit, hotel, name, token).await {
        Ok(reply) => reply,
        Err(failure) => render(host, visit, form, Some(failure)).await,
    }
}
