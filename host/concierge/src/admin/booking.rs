//! What administration does with bookings, and its answers.

use concierge_booking::types::{Allotment, Caller, Hotel, HotelCode, Rate, RatePlan, RoomType};
use concierge_booking::{Booking, Error};
use concierge_identity::{AccountId, AccountName, AccountSelector, Principal, Role};
use serde::{Deserialize, Serialize};

use super::run::{Answer, answer};
use super::{Admin, AdminError, ErrorCode};

/// Hotels asked for at a time (the most the domain gives).
const HOTEL_PAGE: u32 = 200;

/// Something to be imported: what one call of the domain takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Import {
    /// A hotel.
    Hotel(Box<Hotel>),
    /// A room type.
    RoomType {
        /// Of which hotel.
        hotel: HotelCode,
        /// The room type.
        room_type: Box<RoomType>,
    },
    /// A rate plan.
    RatePlan {
        /// Of which hotel.
        hotel: HotelCode,
        /// The rate plan.
        rate_plan: Box<RatePlan>,
    },
    /// Prices of nights, all or none.
    Rates {
        /// Of which hotel.
        hotel: HotelCode,
        /// The prices.
        rates: Vec<Rate>,
    },
    /// Rooms that can be sold, all or none.
    Allotments {
        /// Of which hotel.
        hotel: HotelCode,
        /// How many.
        allotments: Vec<Allotment>,
    },
}

impl Import {
    /// Takes another along if both are lists of the same hotel; whether it did.
    pub fn absorb(&mut self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Rates { hotel, rates },
                Self::Rates {
                    hotel: of,
                    rates: more,
                },
            ) if hotel == of => rates.extend(more.iter().cloned()),
            (
                Self::Allotments { hotel, allotments },
                Self::Allotments {
                    hotel: of,
                    allotments: more,
                },
            ) if hotel == of => allotments.extend(more.iter().cloned()),
            _ => return false,
        }
        true
    }

    /// What was taken together, one by one.
    pub fn apart(self) -> Vec<Self> {
        match self {
            Self::Rates { hotel, rates } => rates
                .into_iter()
                .map(|rate| Self::Rates {
                    hotel: hotel.clone(),
                    rates: vec![rate],
                })
                .collect(),
            Self::Allotments { hotel, allotments } => allotments
                .into_iter()
                .map(|allotment| Self::Allotments {
                    hotel: hotel.clone(),
                    allotments: vec![allotment],
                })
                .collect(),
            one => vec![one],
        }
    }

    async fn run(self, booking: &Booking, caller: &Caller) -> Result<(), Error> {
        match self {
            Self::Hotel(hotel) => booking.put_hotel(caller, *hotel).await,
            Self::RoomType { hotel, room_type } => {
                booking
                    .put_room_type(caller, hotel.as_str(), *room_type)
                    .await
            }
            Self::RatePlan { hotel, rate_plan } => {
                booking
                    .put_rate_plan(caller, hotel.as_str(), *rate_plan)
                    .await
            }
            Self::Rates { hotel, rates } => booking.set_rates(caller, hotel.as_str(), rates).await,
            Self::Allotments { hotel, allotments } => {
                booking
                    .set_allotments(caller, hotel.as_str(), allotments)
                    .await
            }
        }
    }
}

/// How an import went.
#[derive(Debug, Serialize, Deserialize)]
pub struct Imported {
    /// What was not taken; all else was.
    pub rejected: Vec<Rejection>,
}

/// Why something was not taken.
#[derive(Debug, Serialize, Deserialize)]
pub struct Rejection {
    /// Its place among what was to be imported, from 0.
    pub index: usize,
    /// Why, for people.
    pub reason: String,
}

/// Hotels.
#[derive(Debug, Serialize, Deserialize)]
pub struct Hotels {
    /// By code.
    pub hotels: Vec<HotelView>,
}

/// A hotel.
#[derive(Debug, Serialize, Deserialize)]
pub struct HotelView {
    /// Its code.
    pub code: HotelCode,
    /// Its name.
    pub name: String,
    /// Its city.
    pub city: String,
    /// ISO 3166-1.
    pub country: String,
    /// ISO 4217.
    pub currency: String,
    /// IANA.
    pub time_zone: String,
    /// Whether it is found and sold.
    pub open: bool,
}

/// Who works at a hotel.
#[derive(Debug, Serialize, Deserialize)]
pub struct Staff {
    /// By name. One whose account was deleted has none.
    pub staff: Vec<StaffView>,
}

/// Someone who works at a hotel.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StaffView {
    /// The account's name.
    pub name: Option<AccountName>,
    /// The account's id.
    pub id: AccountId,
}

/// The command line may do everything.
fn command_line() -> Caller {
    Caller::Account(Principal::trusted(
        AccountId(uuid::Uuid::nil()),
        "concierge".into(),
        Role::Administrator,
    ))
}

impl Admin {
    fn booking(&self) -> Result<&Booking, AdminError> {
        self.booking
            .as_deref()
            .ok_or_else(|| AdminError::new(ErrorCode::Internal, "bookings are not open"))
    }

    /// Imports in their order. What cannot be is rejected with its reason; a fault of the host ends it.
    pub(super) async fn import_booking(&self, imports: Vec<Import>) -> Answer {
        let (booking, caller) = (self.booking()?, command_line());
        let mut rejected = Vec::new();
        for (index, import) in imports.into_iter().enumerate() {
            match import.run(booking, &caller).await {
                Ok(()) => {}
                Err(error @ (Error::Internal | Error::Unavailable)) => return Err(error.into()),
                Err(error) => rejected.push(Rejection {
                    index,
                    reason: error.to_string(),
                }),
            }
        }
        answer(&Imported { rejected })
    }

    pub(super) async fn list_hotels(&self) -> Answer {
        let (booking, caller) = (self.booking()?, command_line());
        let mut hotels = Vec::new();
        let mut after = String::new();
        loop {
            let page = booking.hotels(&caller, &after, HOTEL_PAGE).await?;
            hotels.extend(page.hotels.iter().map(|hotel| HotelView {
                code: hotel.code.clone(),
                name: hotel.name.clone(),
                city: hotel.address.city.clone(),
                country: hotel.address.country.clone(),
                currency: hotel.currency.clone(),
                time_zone: hotel.time_zone.clone(),
                open: hotel.open,
            }));
            match page.next {
                Some(next) => after = next,
                None => return answer(&Hotels { hotels }),
            }
        }
    }

    /// Changes who works at a hotel; gives who does then.
    pub(super) async fn change_staff(
        &self,
        hotel: &HotelCode,
        add: &[AccountSelector],
        remove: &[AccountSelector],
    ) -> Answer {
        let (booking, caller) = (self.booking()?, command_line());
        let mut staff = booking.get_staff(&caller, hotel.as_str()).await?;
        for selector in add {
            let account = self.identity.account(selector)?;
            if account.role == Role::User {
                return Err(AdminError::new(
                    ErrorCode::Conflict,
                    format!(
                        "{} has the role user, and who works at a hotel has the role staff",
                        account.name
                    ),
                ));
            }
            if !staff.contains(&account.id) {
                staff.push(account.id);
            }
        }
        for selector in remove {
            let account = self.identity.account(selector)?;
            staff.retain(|id| *id != account.id);
        }
        if !add.is_empty() || !remove.is_empty() {
            let ids: Vec<String> = staff.iter().map(ToString::to_string).collect();
            booking.set_staff(&caller, hotel.as_str(), &ids).await?;
        }
        let name = |id: AccountId| {
            self.identity
                .account(&id.into())
                .ok()
                .map(|found| found.name)
        };
        let mut staff: Vec<StaffView> = staff
            .into_iter()
            .map(|id| StaffView { name: name(id), id })
            .collect();
        staff.sort();
        answer(&Staff { staff })
    }
}

impl From<Error> for AdminError {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::NotFound(_) => ErrorCode::NotFound,
            Error::Invalid { .. } => ErrorCode::Invalid,
            Error::Conflict(..) | Error::SoldOut { .. } | Error::KeyReused => ErrorCode::Conflict,
            Error::SlowDown(_) | Error::Unavailable | Error::KeyInUse => ErrorCode::Unavailable,
            Error::Unauthorized | Error::Forbidden | Error::Internal => ErrorCode::Internal,
        };
        Self::new(code, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(hotel: &str, prices: &[i64]) -> Import {
        let night = "2026-12-24".parse().unwrap();
        let rate = |price: &i64| Rate {
            rate_plan: "flex".parse().unwrap(),
            room_type: "double".parse().unwrap(),
            first: night,
            last: night,
            price: Some(*price),
        };
        Import::Rates {
            hotel: hotel.parse().unwrap(),
            rates: prices.iter().map(rate).collect(),
        }
    }

    #[test]
    fn rows_of_one_hotel_go_together_and_apart_again() {
        let mut together = rates("inn", &[1]);
        assert!(together.absorb(&rates("inn", &[2])));
        assert!(!together.absorb(&rates("spa", &[3])));
        assert_eq!(together, rates("inn", &[1, 2]));
        assert_eq!(together.apart(), [rates("inn", &[1]), rates("inn", &[2])]);
    }
}
