//! Hotels, room types, rate plans, prices and allotments.

use super::{code, date};
use crate::joins::bindings::booking::{administration, catalogue as wit};
use concierge_booking::Error;
use concierge_booking::types as domain;

impl From<wit::Localised> for domain::Localised {
    fn from(text: wit::Localised) -> Self {
        Self {
            language: text.language,
            text: text.text,
        }
    }
}

impl From<&domain::Localised> for wit::Localised {
    fn from(text: &domain::Localised) -> Self {
        Self {
            language: text.language.clone(),
            text: text.text.clone(),
        }
    }
}

impl From<wit::Position> for domain::Position {
    fn from(position: wit::Position) -> Self {
        Self {
            latitude: position.latitude,
            longitude: position.longitude,
        }
    }
}

impl From<domain::Position> for wit::Position {
    fn from(position: domain::Position) -> Self {
        Self {
            latitude: position.latitude,
            longitude: position.longitude,
        }
    }
}

impl From<wit::Address> for domain::Address {
    fn from(address: wit::Address) -> Self {
        Self {
            street: address.street,
            city: address.city,
            region: address.region,
            postal_code: address.postal_code,
            country: address.country,
        }
    }
}

impl From<&domain::Address> for wit::Address {
    fn from(address: &domain::Address) -> Self {
        Self {
            street: address.street.clone(),
            city: address.city.clone(),
            region: address.region.clone(),
            postal_code: address.postal_code.clone(),
            country: address.country.clone(),
        }
    }
}

impl From<wit::Photo> for domain::Photo {
    fn from(photo: wit::Photo) -> Self {
        Self {
            bucket: photo.bucket,
            key: photo.key,
            alt: photo.alt.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<&domain::Photo> for wit::Photo {
    fn from(photo: &domain::Photo) -> Self {
        Self {
            bucket: photo.bucket.clone(),
            key: photo.key.clone(),
            alt: photo.alt.iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<wit::Hotel> for domain::Hotel {
    type Error = Error;

    fn try_from(hotel: wit::Hotel) -> Result<Self, Error> {
        Ok(Self {
            code: code("code", hotel.code)?,
            name: hotel.name,
            description: hotel.description.into_iter().map(Into::into).collect(),
            address: hotel.address.into(),
            position: hotel.position.map(Into::into),
            email: hotel.email,
            phone: hotel.phone,
            time_zone: hotel.time_zone,
            currency: hotel.currency,
            tax_basis_points: hotel.tax_basis_points,
            city_tax: hotel.city_tax,
            overbooking_percent: hotel.overbooking_percent,
            hold_s: hotel.hold_s,
            check_in_from_min: hotel.check_in_from_min,
            check_out_until_min: hotel.check_out_until_min,
            stars_tenths: hotel.stars_tenths,
            amenities: hotel.amenities,
            photos: hotel.photos.into_iter().map(Into::into).collect(),
            open: hotel.open,
        })
    }
}

impl From<&domain::Hotel> for wit::Hotel {
    fn from(hotel: &domain::Hotel) -> Self {
        Self {
            code: hotel.code.to_string(),
            name: hotel.name.clone(),
            description: hotel.description.iter().map(Into::into).collect(),
            address: (&hotel.address).into(),
            position: hotel.position.map(Into::into),
            email: hotel.email.clone(),
            phone: hotel.phone.clone(),
            time_zone: hotel.time_zone.clone(),
            currency: hotel.currency.clone(),
            tax_basis_points: hotel.tax_basis_points,
            city_tax: hotel.city_tax,
            overbooking_percent: hotel.overbooking_percent,
            hold_s: hotel.hold_s,
            check_in_from_min: hotel.check_in_from_min,
            check_out_until_min: hotel.check_out_until_min,
            stars_tenths: hotel.stars_tenths,
            amenities: hotel.amenities.clone(),
            photos: hotel.photos.iter().map(Into::into).collect(),
            open: hotel.open,
        }
    }
}

impl TryFrom<wit::RoomType> for domain::RoomType {
    type Error = Error;

    fn try_from(room_type: wit::RoomType) -> Result<Self, Error> {
        Ok(Self {
            code: code("code", room_type.code)?,
            name: room_type.name,
            description: room_type.description.into_iter().map(Into::into).collect(),
            rooms: room_type.rooms,
            max_adults: room_type.max_adults,
            max_children: room_type.max_children,
            max_guests: room_type.max_guests,
            size_m2: room_type.size_m2,
            beds: room_type.beds,
            amenities: room_type.amenities,
            photos: room_type.photos.into_iter().map(Into::into).collect(),
        })
    }
}

impl From<&domain::RoomType> for wit::RoomType {
    fn from(room_type: &domain::RoomType) -> Self {
        Self {
            code: room_type.code.to_string(),
            name: room_type.name.clone(),
            description: room_type.description.iter().map(Into::into).collect(),
            rooms: room_type.rooms,
            max_adults: room_type.max_adults,
            max_children: room_type.max_children,
            max_guests: room_type.max_guests,
            size_m2: room_type.size_m2,
            beds: room_type.beds.clone(),
            amenities: room_type.amenities.clone(),
            photos: room_type.photos.iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<wit::RatePlan> for domain::RatePlan {
    type Error = Error;

    fn try_from(plan: wit::RatePlan) -> Result<Self, Error> {
        let prices = plan.prices.into_iter().enumerate();
        let prices = prices.map(|(index, (room_type, price))| {
            Ok((
                code(&format!("prices.{index}.room_type"), room_type)?,
                price,
            ))
        });
        Ok(Self {
            code: code("code", plan.code)?,
            name: plan.name,
            description: plan.description.into_iter().map(Into::into).collect(),
            meals: match plan.meals {
                wit::Meals::RoomOnly => domain::Meals::RoomOnly,
                wit::Meals::Breakfast => domain::Meals::Breakfast,
                wit::Meals::HalfBoard => domain::Meals::HalfBoard,
                wit::Meals::FullBoard => domain::Meals::FullBoard,
            },
            free_until_h: plan.free_until_h,
            penalty: match plan.penalty {
                wit::Penalty::FirstNight => domain::Penalty::FirstNight,
                wit::Penalty::Percent(percent) => domain::Penalty::Percent(percent),
                wit::Penalty::Everything => domain::Penalty::Everything,
            },
            min_nights: plan.min_nights,
            max_nights: plan.max_nights,
            prices: prices.collect::<Result<_, Error>>()?,
            open: plan.open,
        })
    }
}

impl From<&domain::RatePlan> for wit::RatePlan {
    fn from(plan: &domain::RatePlan) -> Self {
        let prices = plan.prices.iter();
        Self {
            code: plan.code.to_string(),
            name: plan.name.clone(),
            description: plan.description.iter().map(Into::into).collect(),
            meals: match plan.meals {
                domain::Meals::RoomOnly => wit::Meals::RoomOnly,
                domain::Meals::Breakfast => wit::Meals::Breakfast,
                domain::Meals::HalfBoard => wit::Meals::HalfBoard,
                domain::Meals::FullBoard => wit::Meals::FullBoard,
            },
            free_until_h: plan.free_until_h,
            penalty: match plan.penalty {
                domain::Penalty::FirstNight => wit::Penalty::FirstNight,
                domain::Penalty::Percent(percent) => wit::Penalty::Percent(percent),
                domain::Penalty::Everything => wit::Penalty::Everything,
            },
            min_nights: plan.min_nights,
            max_nights: plan.max_nights,
            prices: prices
                .map(|(room_type, price)| (room_type.to_string(), *price))
                .collect(),
            open: plan.open,
        }
    }
}

impl From<domain::HotelDetails> for wit::HotelDetails {
    fn from(details: domain::HotelDetails) -> Self {
        Self {
            hotel: details.hotel.as_ref().into(),
            room_types: details.room_types.iter().map(Into::into).collect(),
            rate_plans: details.rate_plans.iter().map(Into::into).collect(),
            currency_digits: details.currency_digits,
            today: details.today.days(),
        }
    }
}

impl From<domain::HotelPage> for wit::HotelPage {
    fn from(page: domain::HotelPage) -> Self {
        Self {
            hotels: page
                .hotels
                .iter()
                .map(|hotel| hotel.as_ref().into())
                .collect(),
            next: page.next,
        }
    }
}

/// Prices of nights.
pub(in crate::joins::booking) fn rates(
    rates: Vec<administration::Rate>,
) -> Result<Vec<domain::Rate>, Error> {
    let rate = |(index, rate): (usize, administration::Rate)| {
        let field = |name: &str| format!("rates.{index}.{name}");
        Ok(domain::Rate {
            rate_plan: code(&field("rate_plan"), rate.rate_plan)?,
            room_type: code(&field("room_type"), rate.room_type)?,
            first: date(&field("first"), rate.first)?,
            last: date(&field("last"), rate.last)?,
            price: rate.price,
        })
    };
    rates.into_iter().enumerate().map(rate).collect()
}

/// Rooms that can be sold.
pub(in crate::joins::booking) fn allotments(
    allotments: Vec<administration::Allotment>,
) -> Result<Vec<domain::Allotment>, Error> {
    let allotment = |(index, allotment): (usize, administration::Allotment)| {
        let field = |name: &str| format!("allotments.{index}.{name}");
        Ok(domain::Allotment {
            room_type: code(&field("room_type"), allotment.room_type)?,
            first: date(&field("first"), allotment.first)?,
            last: date(&field("last"), allotment.last)?,
            rooms: allotment.rooms,
        })
    };
    allotments.into_iter().enumerate().map(allotment).collect()
}
