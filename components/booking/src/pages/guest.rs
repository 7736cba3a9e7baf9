//! Who stays: the fields of a guest in a form.

use super::form::Form;
use super::text::{Locale, Messages, fill};
use super::view::{Field, FieldProblem};
use crate::bindings::concierge::booking::reservations::Guest_ as Guest;

/// Characters of a name.
const NAME_CHARS_MAX: usize = 200;
/// Characters of an address of mail (RFC 5321 §4.5.3.1.3: a path, without its brackets).
const EMAIL_CHARS_MAX: usize = 254;
/// Characters of a telephone number, as people write it.
const PHONE_CHARS_MAX: usize = 40;
/// Characters of wishes.
const NOTES_CHARS_MAX: usize = 1_000;

/// Reads a guest. What is wrong at a glance is said here, beside its field; the host decides.
pub(crate) fn read(l: Locale, form: &Form) -> Result<Guest, Vec<FieldProblem>> {
    let guest = Guest {
        name: form.get("name").to_owned(),
        email: form.get("email").to_owned(),
        phone: form.get("phone").to_owned(),
        country: String::new(),
        language: l.language.tag().to_owned(),
        // Browsers send lines with CR LF.
        notes: form.get("notes").replace("\r\n", "\n"),
    };
    let problems = problems(l.t, &guest);
    if problems.is_empty() {
        Ok(guest)
    } else {
        Err(problems)
    }
}

fn problems(t: &Messages, guest: &Guest) -> Vec<FieldProblem> {
    let name_fits = !guest.name.is_empty() && guest.name.chars().count() <= NAME_CHARS_MAX;
    let limit = |text: &str, chars: usize| fill(text, &[("n", &chars.to_string())]);
    [
        ("name", name_fits, t.wrong_name.to_owned()),
        ("email", is_email(&guest.email), t.wrong_email.to_owned()),
        (
            "phone",
            guest.phone.chars().count() <= PHONE_CHARS_MAX,
            limit(t.wrong_phone, PHONE_CHARS_MAX),
        ),
        (
            "notes",
            guest.notes.chars().count() <= NOTES_CHARS_MAX,
            limit(t.wrong_notes, NOTES_CHARS_MAX),
        ),
    ]
    .into_iter()
    .filter(|(_, fits, _)| !fits)
    .map(|(id, _, text)| FieldProblem { id, text })
    .collect()
}

/// Whether something can be an address of mail: only a mail shows whether it is one.
fn is_email(text: &str) -> bool {
    let whole = text.chars().count() <= EMAIL_CHARS_MAX
        && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    whole
        && !local.is_empty()
        && domain.contains('.')
        && !domain.starts_with('.')
        && !domain.ends_with('.')
}

/// The fields, with what was typed and what is wrong with it.
pub(crate) fn fields(t: &Messages, typed: &Form, problems: &[FieldProblem]) -> Vec<Field> {
    let field = |id, label, kind, autocomplete, max_length| Field {
        id,
        label,
        kind,
        value: typed.get(id).to_owned(),
        error: problems
            .iter()
            .find(|problem| problem.id == id)
            .map(|problem| problem.text.clone()),
        hint: None,
        autocomplete,
        required: false,
        max_length,
    };
    vec![
        Field {
            required: true,
            ..field("name", t.guest_name, "text", "name", NAME_CHARS_MAX)
        },
        Field {
            required: true,
            hint: Some(t.guest_email_hint),
            ..field("email", t.email, "email", "email", EMAIL_CHARS_MAX)
        },
        field("phone", t.phone, "tel", "tel", PHONE_CHARS_MAX),
        Field {
            hint: Some(t.guest_notes_hint),
            ..field("notes", t.guest_notes, "textarea", "", NOTES_CHARS_MAX)
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::language::Language;

    #[test]
    fn what_can_be_an_address_of_mail_is_told_from_what_cannot() {
        for good in [
            "ada@example.com",
            "a.b+c@mail.example.co.uk",
            "jörg@exämple.de",
        ] {
            assert!(is_email(good), "{good}");
        }
        let long = format!("{}@example.com", "a".repeat(250));
        for bad in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "ada@host",
            "a da@example.com",
            "ada@example.",
            &long,
        ] {
            assert!(!is_email(bad), "{bad}");
        }
    }

    #[test]
    fn problems_are_said_beside_their_fields_and_what_was_typed_stays() {
        let l = Locale::of(Language::English);
        let form = Form::parse(&format!(
            "name=&email=ada&phone=1&notes={}",
            "x".repeat(1001)
        ));
        let problems = read(l, &form).unwrap_err();
        let ids: Vec<_> = problems.iter().map(|problem| problem.id).collect();
        assert_eq!(ids, ["name", "email", "notes"]);
        let fields = fields(l.t, &form, &problems);
        let email = fields.iter().find(|field| field.id == "email").unwrap();
        assert_eq!(email.value, "ada");
        assert_eq!(
            email.described_by().as_deref(),
            Some("email-hint email-error")
        );
    }

    #[test]
    fn lines_are_kept() {
        let form = Form::parse("name=Ada&email=ada@example.com&notes=one%0d%0atwo");
        let guest = read(Locale::of(Language::German), &form).unwrap();
        assert_eq!(guest.notes, "one\ntwo");
        assert_eq!(guest.language, "de");
    }
}
