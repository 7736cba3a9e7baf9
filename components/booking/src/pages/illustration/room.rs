//! A room: bed, lamp, and a window on the land.

use super::land::{self, Kind};
use super::{Dice, HEIGHT, Svg, WIDTH};

/// Where the floor begins.
const FLOOR: i32 = 318;

pub(super) fn draw(svg: &mut Svg, kind: Kind, dice: &mut Dice) {
    // The land first, so that what the window does not show is covered by the wall.
    let window = [dice.between(56, 120), 62, dice.between(132, 170), 176];
    svg.add("<g>");
    land::background(svg, kind, dice, 190);
    svg.add("</g>");
    wall(svg, window);
    curtains(svg, window);
    let [x, _, width, _] = window;
    bed(svg, dice, (x + width + 70).clamp(282, 330));
}

/// The wall and the floor, with a hole for the window.
fn wall(svg: &mut Svg, [x, y, width, height]: [i32; 4]) {
    let palette = svg.palette;
    let hole = format!("M{x} {y}v{height}h{width}v-{height}Z");
    svg.path(&format!("M0 0H{WIDTH}V{FLOOR}H0Z{hole}"), palette.wall);
    svg.rect([0, FLOOR, WIDTH, HEIGHT - FLOOR], palette.shade);
    svg.rect([0, FLOOR - 8, WIDTH, 8], "#fff");
    let (middle, bar) = (x + width / 2, y + height / 3);
    svg.line(&format!("M{x} {y}h{width}v{height}h-{width}Z"), "#fff", "7");
    svg.line(
        &format!("M{middle} {y}v{height}M{x} {bar}h{width}"),
        "#fff",
        "4",
    );
    svg.rounded([x - 12, y + height, width + 24, 9], 3, "#fff");
}

fn curtains(svg: &mut Svg, [x, y, width, height]: [i32; 4]) {
    let palette = svg.palette;
    svg.rounded([x - 44, y - 20, width + 88, 6], 3, palette.roof);
    let bottom = y + height + 58;
    let top = y - 14;
    for (outer, inner) in [(x - 36, x + 20), (x + width + 36, x + width - 20)] {
        let middle = (outer + inner) / 2;
        svg.path(
            &format!(
                "M{outer} {top}H{inner}Q{} {} {middle} {bottom}H{outer}Z",
                inner,
                y + height / 2
            ),
            palette.accent,
        );
        svg.line(
            &format!(
                "M{middle} {top}Q{middle} {} {} {bottom}",
                y + height / 2,
                (outer + middle) / 2
            ),
            palette.wall,
            "1.4",
        );
    }
}

fn bed(svg: &mut Svg, dice: &mut Dice, x: i32) {
    let palette = svg.palette;
    let width = dice.between(236, 270);
    let right = x + width;
    picture(svg, dice, x + width / 2);
    lamp(svg, right + 34);
    // Headboard.
    if dice.chance(50) {
        svg.path(
            &format!(
                "M{x} {FLOOR}V236Q{} 196 {right} 236V{FLOOR}Z",
                x + width / 2
            ),
            palette.roof,
        );
    } else {
        svg.rounded([x, 214, width, FLOOR - 214], 12, palette.roof);
    }
    // Pillows, then the blanket over the mattress.
    let pillows = if dice.chance(60) { 2 } else { 3 };
    let pillow = (width - 36) / pillows;
    for at in 0..pillows {
        svg.rounded([x + 18 + at * pillow, 246, pillow - 8, 44], 16, "#fff");
    }
    svg.rounded([x - 8, 276, width + 16, 74], 14, "#fdfaf4");
    svg.path(
        &format!(
            "M{} 302H{}V344a14 14 0 0 1 -14 14H{}a14 14 0 0 1 -14 -14Z",
            x - 12,
            right + 12,
            x + 2
        ),
        palette.mid,
    );
    svg.rect([x - 12, 302, width + 24, 12], palette.far);
    for leg in [x + 4, right - 14] {
        svg.rect([leg, 356, 10, 14], palette.roof);
    }
    // A rug before it.
    svg.ellipse([x + width / 2, 384, width / 2 + 40, 12], palette.accent);
    svg.add("<g opacity=\".35\">");
    svg.ellipse([x + width / 2, 384, width / 2 + 16, 7], palette.wall);
    svg.add("</g>");
}

fn lamp(svg: &mut Svg, x: i32) {
    let palette = svg.palette;
    svg.circle([x, 226, 84], "url(#g)");
    svg.rounded([x - 26, 282, 52, 8], 3, palette.roof);
    svg.rect([x - 20, 290, 6, FLOOR - 262], palette.roof);
    svg.rect([x + 14, 290, 6, FLOOR - 262], palette.roof);
    svg.rect([x - 2, 240, 4, 42], palette.roof);
    svg.path(
        &format!("M{} 206H{}L{} 244H{}Z", x - 16, x + 16, x + 26, x - 26),
        palette.glow,
    );
}

fn picture(svg: &mut Svg, dice: &mut Dice, x: i32) {
    let palette = svg.palette;
    let width = dice.between(70, 104);
    let left = x - width / 2;
    svg.rect([left, 92, width, 70], palette.roof);
    svg.rect([left + 5, 97, width - 10, 60], palette.sky_low);
    svg.circle([x + width / 5, 118, 9], palette.sun);
    svg.path(
        &format!(
            "M{} 157V136Q{x} 112 {} 140V157Z",
            left + 5,
            left + width - 5
        ),
        palette.far,
    );
    svg.path(
        &format!(
            "M{} 157V146Q{} 128 {} 150V157Z",
            left + 5,
            x - width / 6,
            left + width - 5
        ),
        palette.near,
    );
}
