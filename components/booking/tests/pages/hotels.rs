//! The hotels of the example.

use booking::bindings::concierge::booking::availability::Room;
use booking::bindings::concierge::booking::catalogue::{
    Address, Date, Hotel, HotelDetails, Localised, Meals, Penalty, RatePlan, RoomType,
};

/// 2026-11-26, a Thursday.
pub const TODAY: Date = 20_783;

/// Two adults in a room.
pub fn room(room_type: &str, rate_plan: &str) -> Room {
    Room {
        room_type: room_type.to_owned(),
        rate_plan: rate_plan.to_owned(),
        adults: 2,
        children: 0,
    }
}

/// All of them.
pub fn all() -> Vec<HotelDetails> {
    vec![
        details(
            ["casa-da-ribeira", "Casa da Ribeira", "Porto", "Norte", "PT"],
            45,
            [
                "A merchant's house above the Douro: tiled stairs, tall windows, and breakfast with a view of six bridges.",
                "Ein Kaufmannshaus über dem Douro: gekachelte Treppen, hohe Fenster und Frühstück mit Blick auf sechs Brücken.",
            ],
        ),
        details(
            [
                "hotel-alpenrose",
                "Hotel Alpenrose",
                "Mittenwald",
                "Bayern",
                "DE",
            ],
            40,
            [
                "Larch wood, down quilts and the Karwendel before every balcony. The sauna is warm from four.",
                "Lärchenholz, Daunendecken und vor jedem Balkon das Karwendel. Die Sauna ist ab vier Uhr warm.",
            ],
        ),
        details(
            [
                "the-harbour-rooms",
                "The Harbour Rooms",
                "Kinsale",
                "County Cork",
                "IE",
            ],
            35,
            [
                "Nine rooms over a fishmonger, a library that nobody hushes, and the tide for a clock.",
                "Neun Zimmer über einem Fischhändler, eine Bibliothek, in der geredet werden darf, und die Flut als Uhr.",
            ],
        ),
        details(
            ["pension-amsel", "Pension Amsel", "Leipzig", "Sachsen", "DE"],
            0,
            [
                "Quiet rooms around a courtyard with a walnut tree, ten minutes on foot from St Thomas.",
                "Stille Zimmer um einen Hof mit Walnussbaum, zehn Minuten zu Fuß von St. Thomas.",
            ],
        ),
        details(
            [
                "albergo-del-lago",
                "Albergo del Lago",
                "Orta San Giulio",
                "Piemonte",
                "IT",
            ],
            50,
            [
                "A lake, an island, a garden down to the water. Boats are lent, and supper lasts until it is over.",
                "Ein See, eine Insel, ein Garten bis ans Wasser. Boote werden verliehen, und das Abendessen dauert, bis es vorbei ist.",
            ],
        ),
        details(
            [
                "maison-verte",
                "Maison Verte",
                "Annecy",
                "Haute-Savoie",
                "FR",
            ],
            40,
            [
                "Green shutters on the canal, a baker below and mountains at the end of the street.",
                "Grüne Läden am Kanal, unten ein Bäcker und am Ende der Straße die Berge.",
            ],
        ),
    ]
}

fn texts([english, german]: [&str; 2]) -> Vec<Localised> {
    [("en", english), ("de", german)]
        .map(|(language, text)| Localised {
            language: language.to_owned(),
            text: text.to_owned(),
        })
        .to_vec()
}

fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}

fn details(
    [code, name, city, region, country]: [&str; 5],
    stars: u32,
    about: [&str; 2],
) -> HotelDetails {
    let hotel = Hotel {
        code: code.to_owned(),
        name: name.to_owned(),
        description: texts(about),
        address: Address {
            street: "Rua das Flores 12".to_owned(),
            city: city.to_owned(),
            region: region.to_owned(),
            postal_code: "4050-262".to_owned(),
            country: country.to_owned(),
        },
        position: None,
        email: format!("hello@{code}.example"),
        phone: "+351 22 555 0134".to_owned(),
        time_zone: "Europe/Lisbon".to_owned(),
        currency: "EUR".to_owned(),
        tax_basis_points: 600,
        city_tax: 200,
        overbooking_percent: 0,
        hold_s: 900,
        check_in_from_min: 15 * 60,
        check_out_until_min: 11 * 60,
        stars_tenths: stars,
        amenities: words(["Breakfast room", "Garden", "Wi-Fi", "Bicycles", "Lift"]),
        photos: Vec::new(),
        open: true,
    };
    HotelDetails {
        hotel,
        room_types: vec![
            room_type(
                "double",
                "Double room",
                12,
                2,
                22,
                [
                    "A bed of one metre sixty, a desk at the window, and a bath with daylight.",
                    "Ein Bett von einem Meter sechzig, ein Tisch am Fenster und ein Bad mit Tageslicht.",
                ],
            ),
            room_type(
                "river-suite",
                "River suite",
                3,
                4,
                46,
                [
                    "Two rooms on the corner: sleep in one, wake in the other. The tub stands at the window.",
                    "Zwei Zimmer an der Ecke: in einem schlafen, im anderen aufwachen. Die Wanne steht am Fenster.",
                ],
            ),
            room_type(
                "single",
                "Single room",
                6,
                1,
                14,
                [
                    "Small, still, and under the roof.",
                    "Klein, still und unter dem Dach.",
                ],
            ),
        ],
        rate_plans: vec![
            rate_plan("flexible", "Flexible", Meals::Breakfast, Some(48), 1, 100),
            rate_plan("early-bird", "Early bird", Meals::RoomOnly, None, 2, 84),
        ],
        currency_digits: 2,
        today: TODAY,
    }
}

fn room_type(
    code: &str,
    name: &str,
    rooms: u32,
    guests: u32,
    size_m2: u32,
    about: [&str; 2],
) -> RoomType {
    RoomType {
        code: code.to_owned(),
        name: name.to_owned(),
        description: texts(about),
        rooms,
        max_adults: guests,
        max_children: guests - 1,
        max_guests: guests,
        size_m2,
        beds: if guests == 1 {
            "1 single bed"
        } else {
            "1 double bed"
        }
        .to_owned(),
        amenities: words(["Bath", "Desk", "Quiet side"]),
        photos: Vec::new(),
    }
}

fn rate_plan(
    code: &str,
    name: &str,
    meals: Meals,
    free_until_h: Option<u32>,
    min_nights: u32,
    percent: i64,
) -> RatePlan {
    let prices = [
        ("double", 14_500),
        ("river-suite", 26_000),
        ("single", 9_200),
    ];
    RatePlan {
        code: code.to_owned(),
        name: name.to_owned(),
        description: Vec::new(),
        meals,
        free_until_h,
        penalty: Penalty::FirstNight,
        min_nights,
        max_nights: 30,
        prices: prices
            .map(|(room_type, price)| (room_type.to_owned(), price * percent / 100))
            .to_vec(),
        open: true,
    }
}
