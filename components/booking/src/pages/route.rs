//! Which page an address is.

/// Longest code of a hotel, room type or rate plan (`wit/booking`).
const MAX_CODE_BYTES: usize = 64;

/// Longest name of a reservation in an address: a UUID.
const MAX_RESERVATION_BYTES: usize = 36;

/// A page. What it borrows has the form of a code: it can stand in an address as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route<'p> {
    Start,
    Search,
    Hotel(&'p str),
    Book(&'p str),
    Wait(&'p str),
    WaitDone(&'p str),
    Find,
    Reservation {
        hotel: &'p str,
        reservation: &'p str,
        step: Step,
    },
    Desk,
    DeskDay(&'p str),
    DeskAct {
        hotel: &'p str,
        reservation: &'p str,
        act: DeskAct,
    },
    Asset,
    Art {
        hotel: &'p str,
        file: &'p str,
    },
}

/// What of a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Overview,
    Pay,
    Confirmation,
    Change,
    Cancel,
}

/// What the front desk does with a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeskAct {
    CheckIn,
    CheckOut,
    NoShow,
    Cancel,
}

impl DeskAct {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::CheckIn, Self::CheckOut, Self::NoShow, Self::Cancel];

    /// Its name in addresses.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::CheckIn => "check-in",
            Self::CheckOut => "check-out",
            Self::NoShow => "no-show",
            Self::Cancel => "cancel",
        }
    }

    /// From its name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|act| act.name() == name)
    }
}

impl<'p> Route<'p> {
    /// The page of a path; `None`: there is none.
    pub(crate) fn of(path: &'p str) -> Option<Self> {
        let rest = path.strip_prefix("/booking")?;
        let parts: Vec<&str> = rest.trim_matches('/').split('/').collect();
        Some(match *parts.as_slice() {
            [""] => Self::Start,
            ["search"] => Self::Search,
            ["reservation"] => Self::Find,
            ["static", _] => Self::Asset,
            ["art", hotel, file] => Self::Art {
                hotel: code(hotel)?,
                file: code(file.strip_suffix(".svg")?).and(Some(file))?,
            },
            ["hotels", hotel, ref deeper @ ..] => Self::of_hotel(code(hotel)?, deeper)?,
            ["desk", ref deeper @ ..] => Self::of_desk(deeper)?,
            _ => return None,
        })
    }

    fn of_hotel(hotel: &'p str, deeper: &[&'p str]) -> Option<Self> {
        Some(match *deeper {
            [] => Self::Hotel(hotel),
            ["book"] => Self::Book(hotel),
            ["wait"] => Self::Wait(hotel),
            ["wait", "done"] => Self::WaitDone(hotel),
            ["reservations", reservation, ref step @ ..] => {
                let step = match *step {
                    [] => Step::Overview,
                    ["pay"] => Step::Pay,
                    ["confirmation"] => Step::Confirmation,
                    ["change"] => Step::Change,
                    ["cancel"] => Step::Cancel,
                    _ => return None,
                };
                Self::Reservation {
                    hotel,
                    reservation: named(reservation)?,
                    step,
                }
            }
            _ => return None,
        })
    }

    fn of_desk(deeper: &[&'p str]) -> Option<Self> {
        Some(match *deeper {
            [] => Self::Desk,
            [hotel] => Self::DeskDay(code(hotel)?),
            [hotel, "reservations", reservation, act] => Self::DeskAct {
                hotel: code(hotel)?,
                reservation: named(reservation)?,
                act: DeskAct::from_name(act)?,
            },
            _ => return None,
        })
    }

    /// Whether the page can be asked for.
    pub(crate) fn can_be_got(self) -> bool {
        !matches!(self, Self::DeskAct { .. })
    }

    /// Whether something can be sent to the page.
    pub(crate) fn can_be_sent_to(self) -> bool {
        match self {
            Self::Book(_) | Self::Wait(_) | Self::Find | Self::DeskAct { .. } => true,
            Self::Reservation { step, .. } => {
                matches!(step, Step::Pay | Step::Change | Step::Cancel)
            }
            _ => false,
        }
    }
}

/// A code: 1 to 64 of `a-z`, `0-9` and `-`.
pub(crate) fn code(text: &str) -> Option<&str> {
    let fits = (1..=MAX_CODE_BYTES).contains(&text.len())
        && text
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    fits.then_some(text)
}

/// The id or the code of a reservation.
pub(crate) fn named(text: &str) -> Option<&str> {
    let fits = (1..=MAX_RESERVATION_BYTES).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    fits.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_pages() {
        let reservation = |step| Route::Reservation {
            hotel: "a",
            reservation: "7K3MQ2ZD",
            step,
        };
        for (path, expected) in [
            ("/booking", Some(Route::Start)),
            ("/booking/", Some(Route::Start)),
            ("/booking/search", Some(Route::Search)),
            ("/booking/hotels/a", Some(Route::Hotel("a"))),
            ("/booking/hotels/a/book", Some(Route::Book("a"))),
            ("/booking/hotels/a/wait/done", Some(Route::WaitDone("a"))),
            (
                "/booking/hotels/a/reservations/7K3MQ2ZD",
                Some(reservation(Step::Overview)),
            ),
            (
                "/booking/hotels/a/reservations/7K3MQ2ZD/pay",
                Some(reservation(Step::Pay)),
            ),
            ("/booking/desk", Some(Route::Desk)),
            ("/booking/desk/a", Some(Route::DeskDay("a"))),
            (
                "/booking/desk/a/reservations/7K3MQ2ZD/no-show",
                Some(Route::DeskAct {
                    hotel: "a",
                    reservation: "7K3MQ2ZD",
                    act: DeskAct::NoShow,
                }),
            ),
            (
                "/booking/art/a/room-b.svg",
                Some(Route::Art {
                    hotel: "a",
                    file: "room-b.svg",
                }),
            ),
            ("/booking/hotels", None),
            ("/booking/hotels/A", None),
            ("/booking/hotels/a%2fb", None),
            ("/booking/hotels//book", None),
            ("/booking/hotels/a/reservations/x%22/pay", None),
            ("/booking/hotels/a/reservations/x/burn", None),
            ("/booking/desk/a/reservations/x/burn", None),
            ("/booking/art/a/room.png", None),
            ("/elsewhere", None),
        ] {
            assert_eq!(Route::of(path), expected, "{path}");
        }
    }

    #[test]
    fn codes_have_their_form() {
        assert!(code(&"a".repeat(64)).is_some());
        assert!(code(&"a".repeat(65)).is_none());
        assert!(code("").is_none());
        assert!(named("018f4e3a-7b1c-7d00-8000-0123456789ab").is_some());
        assert!(named("../x").is_none());
    }
}
