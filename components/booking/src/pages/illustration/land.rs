//! The land: sky, sun, and what lies between it and whoever looks.

use std::fmt::Write as _;

use super::{Dice, HEIGHT, Svg, WIDTH};

/// Kinds of land.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Hills,
    Sea,
    Peaks,
    Town,
}

/// For the dice.
pub(super) const KINDS: [Kind; 6] = [
    Kind::Hills,
    Kind::Sea,
    Kind::Peaks,
    Kind::Town,
    Kind::Sea,
    Kind::Hills,
];

/// The land by itself.
pub(super) fn draw(svg: &mut Svg, kind: Kind, dice: &mut Dice) {
    background(svg, kind, dice, 250);
    let near = svg.palette.near;
    match kind {
        Kind::Sea => {
            let x = dice.between(150, 470);
            boat(svg, x, 300);
            let far_boat = dice.between(60, 560);
            sail(svg, far_boat, 262, 12);
            hill(svg, dice, 372, 14, near);
        }
        Kind::Town => hill(svg, dice, 350, 10, near),
        Kind::Hills | Kind::Peaks => {
            hill(svg, dice, 320, 22, near);
            for _ in 0..7 {
                let x = dice.between(10, 630);
                let size = dice.between(26, 54);
                tree(svg, kind, x, 350, size);
            }
        }
    }
    birds(svg, dice);
}

/// Sky, sun and what is far, down to a horizon.
pub(super) fn background(svg: &mut Svg, kind: Kind, dice: &mut Dice, horizon: i32) {
    svg.rect([0, 0, WIDTH, HEIGHT], "url(#s)");
    let sun = [
        dice.between(110, 530),
        dice.between(84, 140),
        dice.between(30, 46),
    ];
    let [x, y, radius] = sun;
    svg.add(&format!(
        "<g opacity=\".35\"><circle cx=\"{x}\" cy=\"{y}\" r=\"{}\" fill=\"{}\"/></g>",
        radius * 2,
        svg.palette.sun
    ));
    svg.circle(sun, svg.palette.sun);
    clouds(svg, dice);
    let (far, mid) = (svg.palette.far, svg.palette.mid);
    match kind {
        Kind::Hills => {
            hill(svg, dice, horizon - 40, 34, far);
            hill(svg, dice, horizon + 10, 26, mid);
        }
        Kind::Sea => sea(svg, dice, horizon, x),
        Kind::Peaks => {
            peaks(svg, dice, horizon, far, true);
            hill(svg, dice, horizon + 16, 26, mid);
        }
        Kind::Town => {
            roofs(svg, dice, horizon + 6, 60, far);
            roofs(svg, dice, horizon + 40, 50, mid);
        }
    }
}

fn clouds(svg: &mut Svg, dice: &mut Dice) {
    for _ in 0..dice.between(1, 3) {
        let (x, y) = (dice.between(20, 560), dice.between(40, 150));
        let width = dice.between(60, 120);
        svg.add("<g fill=\"#fff\" opacity=\".38\">");
        svg.add(&format!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"12\" rx=\"6\"/>"
        ));
        svg.add(&format!(
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"12\" rx=\"6\"/>",
            x + 22,
            y - 9,
            width / 2
        ));
        svg.add("</g>");
    }
}

/// A ridge of soft waves around a height, filled down to the ground.
pub(super) fn hill(svg: &mut Svg, dice: &mut Dice, height: i32, swing: i32, fill: &str) {
    let mut at = height + dice.between(-swing, swing);
    let mut d = format!("M0 {HEIGHT}V{at}");
    let mut x = 0;
    while x < WIDTH {
        let (step, end) = (dice.between(110, 200), height + dice.between(-swing, swing));
        // Level at both ends, so that one wave runs into the next. To a String no write fails.
        let middle = x + step / 2;
        let _ = write!(d, "C{middle} {at} {middle} {end} {} {end}", x + step);
        (x, at) = (x + step, end);
    }
    let _ = write!(d, "V{HEIGHT}Z");
    svg.path(&d, fill);
}

fn peaks(svg: &mut Svg, dice: &mut Dice, base: i32, fill: &str, snow: bool) {
    let mut x = dice.between(-80, -20);
    while x < WIDTH {
        let half = dice.between(80, 130);
        let top = base - dice.between(90, 160);
        let peak = x + half;
        let right = peak + half;
        svg.path(
            &format!("M{x} {HEIGHT}V{base}L{peak} {top}L{right} {base}V{HEIGHT}Z"),
            fill,
        );
        // The lit side and the snow lie along the same slopes as the mountain.
        let (down, across) = (36, 36 * half / (base - top).max(1));
        if snow {
            svg.path(
                &format!(
                    "M{peak} {top}L{} {}L{} {}L{peak} {}L{} {}L{} {}Z",
                    peak - across,
                    top + down,
                    peak - across / 3,
                    top + down - 8,
                    top + down + 6,
                    peak + across / 2,
                    top + down - 6,
                    peak + across,
                    top + down
                ),
                "#f7f8f6",
            );
        }
        x += half + dice.between(20, 50);
    }
}

fn sea(svg: &mut Svg, dice: &mut Dice, horizon: i32, sun_x: i32) {
    let (far, mid, sun) = (svg.palette.far, svg.palette.mid, svg.palette.sun);
    // A coast in the distance.
    let start = dice.between(300, 420);
    svg.path(
        &format!(
            "M{start} {horizon}Q{} {} {WIDTH} {}V{horizon}Z",
            start + 120,
            horizon - 56,
            horizon - 34
        ),
        far,
    );
    svg.rect([0, horizon, WIDTH, HEIGHT - horizon], mid);
    svg.add("<g opacity=\".55\">");
    for row in 0..6 {
        let y = horizon + 10 + row * 17;
        let width = dice.between(26, 60) - row * 3;
        let x = sun_x - width / 2 + dice.between(-16, 16);
        svg.rounded([x, y, width, 4], 2, sun);
    }
    svg.add("</g><g opacity=\".3\">");
    for _ in 0..9 {
        let (x, y) = (
            dice.between(0, 600),
            dice.between(horizon + 12, HEIGHT - 30),
        );
        svg.rounded([x, y, dice.between(20, 54), 3], 1, "#fff");
    }
    svg.add("</g>");
}

fn roofs(svg: &mut Svg, dice: &mut Dice, base: i32, rise: i32, fill: &str) {
    let mut x = dice.between(-30, 0);
    while x < WIDTH {
        let width = dice.between(38, 72);
        let top = base - dice.between(10, rise);
        let body = match dice.between(0, 4) {
            0 => format!("M{x} {HEIGHT}V{top}H{}V{HEIGHT}Z", x + width),
            1 => {
                // A church: a slim tower with a spire.
                let middle = x + width / 2;
                format!(
                    "M{} {HEIGHT}V{}L{middle} {}L{} {}V{HEIGHT}Z",
                    middle - 11,
                    top - 26,
                    top - 72,
                    middle + 11,
                    top - 26
                )
            }
            _ => format!(
                "M{x} {HEIGHT}V{top}L{} {}L{} {top}V{HEIGHT}Z",
                x + width / 2,
                top - 24,
                x + width
            ),
        };
        svg.path(&body, fill);
        if dice.chance(45) {
            let glow = svg.palette.glow;
            svg.rect([x + width / 2 - 3, top + 10, 6, 9], glow);
        }
        x += width - 2;
    }
}

/// A tree on its ground.
pub(super) fn tree(svg: &mut Svg, kind: Kind, x: i32, ground: i32, size: i32) {
    let (near, shade) = (svg.palette.near, svg.palette.mid);
    match kind {
        Kind::Peaks => {
            for step in 0..3 {
                let top = ground - size + step * size / 4;
                let half = size / 6 + step * size / 12;
                svg.path(
                    &format!("M{x} {top}L{} {}H{}Z", x + half, top + size / 2, x - half),
                    near,
                );
            }
        }
        Kind::Sea | Kind::Hills => {
            svg.ellipse([x, ground - size / 2, size / 7, size / 2], near);
            svg.ellipse(
                [x - size / 28, ground - size / 2, size / 18, size * 2 / 5],
                shade,
            );
        }
        Kind::Town => {
            svg.rect([x - 2, ground - size / 2, 4, size / 2], near);
            svg.circle([x, ground - size * 2 / 3, size / 3], near);
            svg.circle([x - size / 10, ground - size * 3 / 4, size / 6], shade);
        }
    }
}

fn sail(svg: &mut Svg, x: i32, y: i32, size: i32) {
    svg.path(&format!("M{x} {}V{y}H{}Z", y - 2 * size, x + size), "#fff");
}

fn boat(svg: &mut Svg, x: i32, y: i32) {
    let (accent, wall, near) = (svg.palette.accent, svg.palette.wall, svg.palette.near);
    svg.path(&format!("M{x} {}V{}H{}Z", y - 96, y - 14, x + 52), wall);
    svg.path(
        &format!("M{} {}V{}H{}Z", x - 6, y - 82, y - 14, x - 36),
        accent,
    );
    svg.rect([x - 3, y - 100, 3, 92], near);
    svg.path(
        &format!(
            "M{} {}H{}Q{} {} {} {}H{}Q{} {} {} {}Z",
            x - 48,
            y - 8,
            x + 60,
            x + 52,
            y + 12,
            x + 34,
            y + 12,
            x - 28,
            x - 44,
            y + 10,
            x - 48,
            y - 8
        ),
        near,
    );
}

fn birds(svg: &mut Svg, dice: &mut Dice) {
    let near = svg.palette.near;
    let (x, y) = (dice.between(80, 500), dice.between(60, 120));
    for at in 0..3 {
        let (x, y) = (x + at * 26, y + (at % 2) * 12);
        svg.line(&format!("M{x} {y}q5 -6 9 0q4 -6 9 0"), near, "1.6");
    }
}
