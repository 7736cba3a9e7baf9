//! What the target of header forms does. Beside the others so that the tests of `components/mail-api` can run it without
//! the rest.

use mail_api::header::addresses::{EmailAddress, addresses, groups};
use mail_api::header::property::{Form, HeaderProperty, formed};
use mail_api::header::{ITEMS_MAX, date, ids, text};

/// The value of a field, read in each form.
pub fn jmap_header(data: &[u8]) {
    let value = String::from_utf8_lossy(data);
    assert!(!text::raw(&value).contains('\0'));
    assert!(!text::text(&value).contains(['\r', '\n', '\0']));
    address_lists(&value);
    for id in ids::message_ids(&value).into_iter().flatten() {
        let is_blank = |one: char| one.is_ascii_whitespace();
        assert!(!id.is_empty() && !id.contains(is_blank), "{id:?}");
    }
    for url in ids::urls(&value).into_iter().flatten() {
        assert!(!url.is_empty() && !url.contains(['<', '>']), "{url:?}");
    }
    if let Some(date) = date::date(&value) {
        let length = if date.ends_with('Z') { 20 } else { 25 };
        assert_eq!(date.len(), length, "{date}");
    }
    if let Ok(property) = HeaderProperty::parse(&value) {
        assert!(!property.field.is_empty() && !property.field.contains(':'));
    }
}

fn address_lists(value: &str) {
    let groups = groups(value);
    let count: usize = groups.iter().map(|group| 1 + group.addresses.len()).sum();
    assert!(count <= ITEMS_MAX, "{count} items");
    let addresses = addresses(value);
    let grouped = groups.into_iter().flat_map(|group| group.addresses);
    assert!(addresses.iter().eq(grouped.collect::<Vec<_>>().iter()));
    for address in &addresses {
        assert!(!address.email.contains(['\r', '\n', '\0']), "{address:?}");
        if let Some(name) = &address.name {
            assert!(!name.is_empty() && name.trim() == name, "{name:?}");
            assert!(!name.contains(['\r', '\n', '\0']), "{name:?}");
            name_again(name);
        }
    }
    assert_eq!(
        formed(value, Form::Addresses).as_array().map(Vec::len),
        Some(addresses.len())
    );
}

/// A name that was read is read again when it is quoted.
fn name_again(name: &str) {
    let escaped = name.replace('\\', "\\\\").replace('"', "\\\"");
    let expected = EmailAddress {
        name: Some(name.to_owned()),
        email: "a@b".to_owned(),
    };
    assert_eq!(addresses(&format!("\"{escaped}\" <a@b>")), [expected]);
}
