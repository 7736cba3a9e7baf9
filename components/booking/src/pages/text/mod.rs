//! What the pages say: one table of texts for each language, and what makes of numbers, dates and money words of it.

pub mod dates;
mod english;
mod german;
mod locale;
pub mod money;

pub(crate) use english::ENGLISH;
pub(crate) use german::GERMAN;
pub(crate) use locale::{Currency, Locale};

/// Declares the table, so that a text that a language lacks is an error of the compiler, and lists it for the tests.
macro_rules! messages {
    ($($key:ident),* $(,)?) => {
        /// The texts of one language. `{…}` in a text is filled in with [`fill`].
        #[derive(Debug)]
        pub(crate) struct Messages {
            $(pub(crate) $key: &'static str,)*
        }

        #[cfg(test)]
        impl Messages {
            /// All texts with their keys.
            fn entries(&self) -> Vec<(&'static str, &'static str)> {
                vec![$((stringify!($key), self.$key),)*]
            }
        }
    };
}

#[rustfmt::skip]
messages! {
    weekdays, weekdays_short, months, months_short, title_error, skip_to_content, nav_label, nav_search,
    nav_reservation, nav_desk, footer_promise, busy, today, optional, total, notes, guest, guests, payment, code,
    nights_one, nights_many, rooms_one, rooms_many, adults_one, adults_many, children_one, children_many,
    guests_one, guests_many, minutes_one, minutes_many, seconds_one, seconds_many, left_one, left_many, stars,
    start_title, start_heading, start_lead, start_houses, search_label, stay_label, search_place,
    search_place_hint, search_button, update_button, arrival, departure, adults, children, rooms, results_heading,
    results_heading_place, results_more, results_none, results_none_next, sort_label, sort_price, sort_stars,
    sort_name, choose_room, total_for, hotel_facts, check_in, check_out, from_time, until_time, address, phone,
    email, drawn_not_photos, rooms_and_rates, choose_dates, book, sold_out, join_waiting_list, not_sold,
    no_offer_fits, at_least_nights, at_most_nights, too_many_guests, size, up_to, meals_room_only, meals_breakfast,
    meals_half_board, meals_full_board, policy_free_until, policy_after, policy_never_free, calendar_heading,
    calendar_months, calendar_note, legend_free, legend_few, legend_sold, day_free, day_few, day_sold,
    day_not_sold, steps_label, step_details, step_payment, step_done, book_heading, guest_legend, guest_name,
    guest_email_hint, guest_notes, guest_notes_hint, hold_button, hold_promise, your_stay, change_choice,
    price_caption, tax, city_tax, pay_heading, pay_legend, pay_button, held_title, held_until, sandbox_badge,
    sandbox_text, sandbox_approve, sandbox_approve_about, sandbox_decline, sandbox_decline_about, sandbox_late,
    sandbox_late_about, sandbox_hang, sandbox_hang_about, sandbox_twice, sandbox_twice_about, pay_choose,
    confirmed_heading, confirmed_lead, held_heading, held_lead, pending_heading, pending_lead, checked_in_heading,
    checked_in_lead, checked_out_heading, checked_out_lead, cancelled_heading, cancelled_lead, no_show_heading,
    no_show_lead, expired_heading, expired_lead, state_held, state_confirmed, state_checked_in, state_checked_out,
    state_cancelled, state_no_show, state_expired, payment_none, payment_pending, payment_declined,
    payment_declined_for, payment_authorised, payment_captured, payment_refunded, payment_voided, what_next,
    questions, pay_now, look_again, book_again, cancellation, change_dates, cancel_reservation,
    back_to_reservation, changed_notice, changed_text, change_lead, show_new_price, change_now, change_then,
    change_confirm, change_same, change_more, change_less, change_not_free, change_not_free_text, cancel_heading,
    cancellation_costs, cancel_free, cancel_explain_free, cancel_explain_fee, cancel_confirm, keep_reservation,
    find_lead, find_hotel, find_choose, find_code_hint, find_token, find_token_hint, find_button, find_not_found,
    find_not_found_text, locked_title, locked_text, wait_heading, wait_button, wait_promise, wait_done_title,
    wait_done_text, wait_available_title, wait_available_text, desk_signed_in, desk_no_hotels, desk_days,
    day_before, day_after, desk_go_to, desk_go, desk_week, desk_occupied, desk_find, desk_find_hint,
    desk_find_button, desk_found, desk_found_none, desk_arrivals, desk_arrivals_none, desk_in_house,
    desk_in_house_none, desk_departures, desk_departures_none, desk_occupancy, desk_rooms_of, desk_revenue,
    desk_revenue_about, desk_rooms, desk_more, desk_truncated, desk_check_in, desk_check_out, desk_no_show,
    desk_cancel, desk_no_show_warning, desk_cancel_warning, desk_done, desk_done_check_in, desk_done_check_out,
    desk_done_no_show, desk_done_cancel, desk_sign_in, desk_sign_in_text, wrong_heading, wrong_name, wrong_email,
    wrong_phone, wrong_notes, wrong_arrival, wrong_departure, wrong_arrival_past, wrong_arrival_far,
    wrong_dates_order, wrong_too_long, wrong_too_short, wrong_adults, wrong_children, wrong_rooms,
    wrong_too_many_guests, wrong_not_offered, wrong_code, wrong_token, wrong_hotel, wrong_other,
    page_missing_title, page_missing_text, forbidden_title, forbidden_text, method_title, method_text,
    cross_site_title, cross_site_text, sold_out_title, sold_out_text, sold_out_gone, sold_out_none, sold_out_some_one,
    sold_out_some_many, other_rooms, price_changed_title, price_changed_text, hold_expired_title,
    hold_expired_text, declined_title, declined_text, pay_under_way_title, pay_under_way_text, already_paid_title,
    already_paid_text, state_title, state_text, not_now_title, not_now_text, version_title, version_text,
    key_reused_title, key_reused_text, key_in_use_title, key_in_use_text, slow_down_title, slow_down_text,
    unavailable_title, unavailable_text, internal_title, internal_text, too_long_title, too_long_text, try_again,
    to_reservation,
}

/// A text with each `{name}` replaced by its value. What is in the values is not looked at again.
pub(crate) fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(text.len() + 32);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let Some((name, after)) = after.split_once('}') else {
            filled.push('{');
            rest = after;
            continue;
        };
        let value = values.iter().find(|(known, _)| *known == name);
        filled.push_str(value.map_or("", |(_, value)| value));
        rest = after;
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn placeholders(text: &str) -> BTreeSet<&str> {
        text.split('{')
            .skip(1)
            .filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
            .collect()
    }

    #[test]
    fn both_languages_have_the_same_keys_with_the_same_gaps_and_nothing_empty() {
        let (english, german) = (ENGLISH.entries(), GERMAN.entries());
        assert!(english.len() > 200);
        assert_eq!(english.len(), german.len());
        for ((key, english), (german_key, german)) in english.into_iter().zip(german) {
            assert_eq!(key, german_key);
            assert!(
                !english.trim().is_empty() && !german.trim().is_empty(),
                "{key}"
            );
            assert_eq!(placeholders(english), placeholders(german), "{key}");
        }
    }

    #[test]
    fn the_calendars_words_are_complete() {
        for t in [&ENGLISH, &GERMAN] {
            for (words, count) in [
                (t.weekdays, 7),
                (t.weekdays_short, 7),
                (t.months, 12),
                (t.months_short, 12),
            ] {
                assert_eq!(
                    words.split(' ').filter(|word| !word.is_empty()).count(),
                    count
                );
            }
        }
    }

    #[test]
    fn values_are_filled_in_once() {
        assert_eq!(
            fill("{a} and {b}", &[("a", "{b}"), ("b", "x")]),
            "{b} and x"
        );
        assert_eq!(fill("no {gap", &[]), "no {gap");
        assert_eq!(fill("{unknown}!", &[]), "!");
    }
}
