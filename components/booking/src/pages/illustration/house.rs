//! The hotel from outside.

use super::land::{self, Kind};
use super::{Dice, Svg};

/// Where the house stands.
const GROUND: i32 = 348;
/// Distance from one window to the next.
const COLUMN: i32 = 46;
/// Height of a floor.
const FLOOR: i32 = 50;

struct House {
    left: i32,
    top: i32,
    width: i32,
    floors: i32,
    columns: i32,
    arched: bool,
    balconies: bool,
}

pub(super) fn draw(svg: &mut Svg, kind: Kind, dice: &mut Dice) {
    land::background(svg, kind, dice, 262);
    let near = svg.palette.near;
    land::hill(svg, dice, GROUND - 16, 9, near);
    let columns = dice.between(5, 7);
    let floors = dice.between(3, 4);
    let width = columns * COLUMN + 22;
    let house = House {
        left: 320 - width / 2 + dice.between(-50, 50),
        top: GROUND - floors * FLOOR - 16,
        width,
        floors,
        columns,
        arched: dice.chance(50),
        balconies: dice.chance(60),
    };
    let (left, right) = (house.left, house.left + house.width);
    for x in [left - 30, right + 26, left - 68, right + 70] {
        let (x, size) = (x + dice.between(-8, 8), dice.between(80, 128));
        land::tree(svg, kind, x, GROUND + 6, size);
    }
    body(svg, &house, dice);
    let (shade, mid) = (svg.palette.shade, svg.palette.mid);
    // The forecourt, and hedges along it.
    svg.path(
        &format!(
            "M{} {GROUND}H{}L{} 400H{}Z",
            left - 6,
            right + 6,
            right + 120,
            left - 120
        ),
        shade,
    );
    for x in [left - 2, right - 74] {
        svg.rounded([x, GROUND - 14, 76, 20], 10, mid);
    }
}

fn body(svg: &mut Svg, house: &House, dice: &mut Dice) {
    let House {
        left, top, width, ..
    } = *house;
    let palette = svg.palette;
    roof(svg, house, dice);
    svg.rect([left, top, width, GROUND - top], palette.wall);
    svg.rect([left + width - 18, top, 18, GROUND - top], palette.shade);
    svg.rect([left - 6, top - 5, width + 12, 9], palette.shade);
    svg.rect([left, GROUND - FLOOR - 6, width, 4], palette.shade);
    let door_column = house.columns / 2;
    for floor in 0..house.floors {
        for column in 0..house.columns {
            let x = left + 14 + column * COLUMN + 10;
            let y = top + 16 + floor * FLOOR;
            if floor == house.floors - 1 && column == door_column {
                door(svg, x - 6);
            } else {
                window(svg, house, dice, x, y, floor);
            }
        }
    }
}

fn window(svg: &mut Svg, house: &House, dice: &mut Dice, x: i32, y: i32, floor: i32) {
    let palette = svg.palette;
    let pane = if dice.chance(42) {
        palette.glow
    } else {
        palette.pane
    };
    if house.arched {
        svg.path(
            &format!("M{x} {}V{}a11 11 0 0 1 22 0V{}Z", y + 30, y + 9, y + 30),
            pane,
        );
    } else {
        svg.rounded([x, y, 22, 30], 2, pane);
    }
    svg.line(
        &format!("M{} {y}V{}M{x} {}H{}", x + 11, y + 30, y + 13, x + 22),
        palette.wall,
        "1.6",
    );
    if !house.arched {
        svg.rect([x - 6, y, 5, 30], palette.accent);
        svg.rect([x + 23, y, 5, 30], palette.accent);
    }
    if house.balconies && floor < house.floors - 1 {
        balcony(svg, x, y + 22);
    } else {
        svg.rect([x - 3, y + 30, 28, 3], palette.shade);
    }
}

fn balcony(svg: &mut Svg, x: i32, y: i32) {
    let rail = svg.palette.roof;
    let mut d = format!("M{} {y}H{}", x - 5, x + 27);
    for step in 0..9 {
        d.push_str(&format!("M{} {y}v10", x - 5 + step * 4));
    }
    svg.line(&d, rail, "1.2");
    svg.rect([x - 7, y + 10, 36, 3], rail);
}

fn door(svg: &mut Svg, x: i32) {
    let palette = svg.palette;
    let top = GROUND - 42;
    svg.path(
        &format!("M{x} {GROUND}V{}a17 17 0 0 1 34 0V{GROUND}Z", top + 10),
        palette.glow,
    );
    svg.line(
        &format!("M{} {}V{GROUND}", x + 17, top - 4),
        palette.roof,
        "2",
    );
    // The awning.
    for stripe in 0..6 {
        let fill = if stripe % 2 == 0 {
            palette.accent
        } else {
            "#fff"
        };
        let x = x - 10 + stripe * 9;
        svg.path(&format!("M{x} {}h9v9a4.5 4.5 0 0 1 -9 0z", top - 10), fill);
    }
    for side in [x - 16, x + 42] {
        svg.rounded([side, GROUND - 12, 9, 12], 2, palette.roof);
        svg.circle([side + 4, GROUND - 18, 9], palette.mid);
    }
}

fn roof(svg: &mut Svg, house: &House, dice: &mut Dice) {
    let House {
        left, top, width, ..
    } = *house;
    let palette = svg.palette;
    let right = left + width;
    for chimney in [left + width / 4, right - width / 3] {
        svg.rect([chimney, top - 58, 14, 40], palette.shade);
        svg.rect([chimney - 2, top - 62, 18, 6], palette.roof);
    }
    match dice.between(0, 2) {
        0 => svg.path(
            &format!(
                "M{} {top}L{} {}H{}L{} {top}Z",
                left - 12,
                left + 34,
                top - 46,
                right - 34,
                right + 12
            ),
            palette.roof,
        ),
        1 => {
            svg.path(
                &format!(
                    "M{} {top}L{} {}H{}L{} {top}Z",
                    left - 8,
                    left + 8,
                    top - 44,
                    right - 8,
                    right + 8
                ),
                palette.roof,
            );
            let mut x = left + 30;
            while x < right - 40 {
                svg.path(
                    &format!("M{x} {}v-22l11 -10l11 10v22z", top - 6),
                    palette.wall,
                );
                let pane = if dice.chance(50) {
                    palette.glow
                } else {
                    palette.pane
                };
                svg.rect([x + 5, top - 26, 12, 17], pane);
                x += 64;
            }
        }
        _ => {
            let middle = left + width / 2;
            svg.path(
                &format!(
                    "M{} {top}L{} {}H{}L{} {top}Z",
                    left - 10,
                    left + 20,
                    top - 26,
                    right - 20,
                    right + 10
                ),
                palette.roof,
            );
            svg.path(
                &format!(
                    "M{} {top}V{}L{middle} {}L{} {}V{top}Z",
                    middle - 44,
                    top - 22,
                    top - 64,
                    middle + 44,
                    top - 22
                ),
                palette.wall,
            );
            svg.line(
                &format!(
                    "M{} {}L{middle} {}L{} {}",
                    middle - 50,
                    top - 20,
                    top - 66,
                    middle + 50,
                    top - 20
                ),
                palette.roof,
                "7",
            );
            svg.circle([middle, top - 26, 11], palette.glow);
        }
    }
}
