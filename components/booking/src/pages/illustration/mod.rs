//! Drawings of hotels, their surroundings and their rooms, made from the codes alone: the same code always has the same
//! drawing, and no two need look alike. They stand where a photograph would, and say nothing that could be untrue.

mod house;
mod land;
mod palette;
mod room;

use http::header::CACHE_CONTROL;
use http::{HeaderValue, StatusCode};
use sha2::{Digest as _, Sha256};

use super::assets::picture_policy;
use crate::reply::{self, Reply};
use palette::{PALETTES, Palette};

/// Width and height of every drawing, in units of its own.
const WIDTH: i32 = 640;
/// See [`WIDTH`].
const HEIGHT: i32 = 400;

/// What is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scene<'a> {
    /// The hotel from outside.
    House,
    /// The land around it.
    Land,
    /// A room: of a type, or any.
    Room(&'a str),
}

impl<'a> Scene<'a> {
    /// From the name of a file: `house.svg`, `land.svg`, `room.svg`, `room-double.svg`.
    pub(crate) fn from_file(name: &'a str) -> Option<Self> {
        match name.strip_suffix(".svg")? {
            "house" => Some(Self::House),
            "land" => Some(Self::Land),
            "room" => Some(Self::Room("")),
            other => other.strip_prefix("room-").map(Self::Room),
        }
    }
}

/// The drawing of a scene as SVG.
pub(crate) fn draw(hotel: &str, scene: Scene<'_>) -> String {
    // Palette and kind of land belong to the hotel: its drawings go together.
    let mut of_hotel = Dice::new(&["drawing", hotel]);
    let palette = of_hotel.pick(&PALETTES);
    let kind = of_hotel.pick(&land::KINDS);
    let mut svg = Svg::new(palette);
    match scene {
        Scene::House => house::draw(&mut svg, *kind, &mut Dice::new(&[hotel, "house"])),
        Scene::Land => land::draw(&mut svg, *kind, &mut Dice::new(&[hotel, "land"])),
        Scene::Room(of) => room::draw(&mut svg, *kind, &mut Dice::new(&[hotel, "room", of])),
    }
    svg.finish()
}

/// The drawing as an answer.
pub(crate) fn answer(hotel: &str, scene: Scene<'_>) -> Reply {
    let svg = draw(hotel, scene).into_bytes();
    let mut reply = reply::document(StatusCode::OK, "image/svg+xml", svg);
    // Not for good: a later version may draw better.
    let a_day = HeaderValue::from_static("public, max-age=86400");
    reply::set(&mut reply, CACHE_CONTROL, a_day);
    picture_policy(&mut reply);
    reply
}

/// Numbers that look random and are the same every time (SplitMix64: Steele, Lea and Flood, 2014).
struct Dice(u64);

impl Dice {
    fn new(seeds: &[&str]) -> Self {
        let mut digest = Sha256::new();
        for seed in seeds {
            digest.update(seed.as_bytes());
            digest.update([0]);
        }
        let seed = digest
            .finalize()
            .iter()
            .take(8)
            .fold(0, |seed: u64, byte| seed << 8 | u64::from(*byte));
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From `low` to `high`, both included.
    fn between(&mut self, low: i32, high: i32) -> i32 {
        let span = u64::from(high.abs_diff(low)) + 1;
        let step = i32::try_from(self.next() % span).unwrap_or(0);
        low.saturating_add(step)
    }

    /// True in so many of a hundred cases.
    fn chance(&mut self, percent: i32) -> bool {
        self.between(0, 99) < percent
    }

    /// One of them.
    fn pick<'a, T>(&mut self, from: &'a [T; 6]) -> &'a T {
        let [first, rest @ ..] = from;
        let at = usize::try_from(self.between(0, 5)).unwrap_or(0);
        at.checked_sub(1)
            .and_then(|at| rest.get(at))
            .unwrap_or(first)
    }
}

/// A drawing that is being made.
struct Svg {
    text: String,
    palette: &'static Palette,
}

impl Svg {
    fn new(palette: &'static Palette) -> Self {
        let mut svg = Self {
            text: String::with_capacity(8 * 1024),
            palette,
        };
        svg.add(&format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             preserveAspectRatio=\"xMidYMid slice\"><defs>\
             <linearGradient id=\"s\" x1=\"0\" y1=\"0\" x2=\"0\" y2=\"1\">\
             <stop offset=\"0\" stop-color=\"{}\"/><stop offset=\"1\" stop-color=\"{}\"/></linearGradient>\
             <radialGradient id=\"g\"><stop offset=\"0\" stop-color=\"{glow}\" stop-opacity=\".75\"/>\
             <stop offset=\"1\" stop-color=\"{glow}\" stop-opacity=\"0\"/></radialGradient></defs>",
            palette.sky_high,
            palette.sky_low,
            glow = palette.glow,
        ));
        svg
    }

    fn add(&mut self, element: &str) {
        self.text.push_str(element);
    }

    fn rect(&mut self, [x, y, width, height]: [i32; 4], fill: &str) {
        self.add(&format!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{fill}\"/>"
        ));
    }

    fn rounded(&mut self, [x, y, width, height]: [i32; 4], radius: i32, fill: &str) {
        self.add(&format!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"{radius}\" fill=\"{fill}\"/>"
        ));
    }

    fn circle(&mut self, [x, y, radius]: [i32; 3], fill: &str) {
        self.add(&format!(
            "<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\" fill=\"{fill}\"/>"
        ));
    }

    fn ellipse(&mut self, [x, y, across, up]: [i32; 4], fill: &str) {
        self.add(&format!(
            "<ellipse cx=\"{x}\" cy=\"{y}\" rx=\"{across}\" ry=\"{up}\" fill=\"{fill}\"/>"
        ));
    }

    fn path(&mut self, d: &str, fill: &str) {
        self.add(&format!("<path d=\"{d}\" fill=\"{fill}\"/>"));
    }

    fn line(&mut self, d: &str, stroke: &str, width: &str) {
        self.add(&format!(
            "<path d=\"{d}\" fill=\"none\" stroke=\"{stroke}\" stroke-width=\"{width}\" stroke-linecap=\"round\"/>"
        ));
    }

    fn finish(mut self) -> String {
        self.text.push_str("</svg>");
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_one_drawing_and_codes_differ() {
        for scene in [Scene::House, Scene::Land, Scene::Room("double")] {
            assert_eq!(draw("miramar", scene), draw("miramar", scene));
            assert_ne!(draw("miramar", scene), draw("alpenrose", scene));
        }
        assert_ne!(
            draw("miramar", Scene::Room("double")),
            draw("miramar", Scene::Room("single"))
        );
    }

    #[test]
    fn drawings_are_well_formed_and_load_nothing() {
        for code in ["a", "b", "c", "d", "e", "f", "g", "h", "miramar", "42"] {
            for scene in [Scene::House, Scene::Land, Scene::Room("x")] {
                let svg = draw(code, scene);
                assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>"));
                assert_eq!(svg.matches('<').count(), svg.matches('>').count());
                assert_eq!(
                    svg.matches("<g>").count() + svg.matches("<g ").count(),
                    svg.matches("</g>").count()
                );
                assert!(!svg.contains("href") && !svg.contains("script"));
                assert!(svg.len() < 32 * 1024, "{} bytes", svg.len());
            }
        }
    }

    #[test]
    fn scenes_are_named_by_files() {
        assert_eq!(Scene::from_file("house.svg"), Some(Scene::House));
        assert_eq!(Scene::from_file("room-a.svg"), Some(Scene::Room("a")));
        assert_eq!(Scene::from_file("room.svg"), Some(Scene::Room("")));
        assert_eq!(Scene::from_file("house.png"), None);
        assert_eq!(Scene::from_file("cellar.svg"), None);
    }

    #[test]
    fn dice_stay_within_their_bounds() {
        let mut dice = Dice::new(&["x"]);
        let thrown: Vec<i32> = (0..500).map(|_| dice.between(-2, 3)).collect();
        assert_eq!(thrown.iter().min(), Some(&-2));
        assert_eq!(thrown.iter().max(), Some(&3));
    }
}
