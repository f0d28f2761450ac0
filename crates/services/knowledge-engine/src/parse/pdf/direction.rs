//! Which way the text of a page runs.
//!
//! The matrix of a character says it, except where letters are slanted by the program that draws them (a made-up italic
//! leans, its line does not), where a font is set with a negative size, and where Chinese is set from top to bottom. There
//! the way from one character of a word to the next decides. A page that leans as a whole, as scans do, is set upright.

use crate::layout::Glyph;
use crate::layout::words::BREAK;
use crate::text;

/// A right angle is one within this many degrees.
const STRAIGHT: f32 = 3.0;
/// Text that leans further than this is a stamp or a watermark.
const MAX_LEAN: f32 = 30.0;

/// A character as the reader of the file gives it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Drawn {
    /// Its `turn` does not count yet.
    pub glyph: Glyph,
    /// Where it starts on its baseline, on the displayed page.
    pub origin: (f32, f32),
    /// Clockwise angle of its matrix, as displayed.
    pub degrees: f32,
}

impl Drawn {
    /// The same character on a page that is shown `scale` times as large.
    pub(super) fn magnify(&mut self, scale: f32) {
        let glyph = &mut self.glyph;
        let lengths = [&mut glyph.left, &mut glyph.right, &mut glyph.top, &mut glyph.bottom, &mut glyph.size];
        lengths.into_iter().for_each(|length| *length *= scale);
        self.origin = (self.origin.0 * scale, self.origin.1 * scale);
    }

    fn is_blank(&self) -> bool {
        self.glyph.char.is_whitespace() || self.glyph.char == BREAK
    }
}

/// Characters with the way each of them runs, on a page of `width` x `height`.
pub(super) fn settle(drawn: &[Drawn], width: f32, height: f32) -> Vec<Glyph> {
    let mut glyphs = Vec::with_capacity(drawn.len());
    let lean = lean(drawn);
    for run in runs(drawn) {
        let way = way(run);
        for (at, one) in run.iter().enumerate() {
            if one.is_blank() {
                glyphs.push(one.glyph);
                continue;
            }
            let Some(turn) = turn(run, one, way, lean) else { continue };
            let mut glyph = Glyph { turn, ..one.glyph };
            if let Some(lean) = lean {
                let next = run.get(at + 1).map(|next| next.origin);
                glyph = upright(&glyph, one.origin, next, lean, (width, height));
            }
            glyphs.push(glyph);
        }
    }
    glyphs
}

/// Words in drawing order, each blank a run of its own.
fn runs(drawn: &[Drawn]) -> impl Iterator<Item = &[Drawn]> {
    drawn.chunk_by(|a, b| !a.is_blank() && !b.is_blank())
}

/// Clockwise angle of the way from the first to the last character; `None` when they stand at one place.
fn way(run: &[Drawn]) -> Option<f32> {
    let (first, last) = (run.first()?, run.last()?);
    let (x, y) = (last.origin.0 - first.origin.0, last.origin.1 - first.origin.1);
    (x.hypot(y) > 0.4 * first.glyph.size).then(|| y.atan2(x).to_degrees().rem_euclid(360.0))
}

fn turn(run: &[Drawn], one: &Drawn, way: Option<f32>, lean: Option<f32>) -> Option<u16> {
    let (turn, away) = nearest(one.degrees - lean.unwrap_or(0.0));
    if away.abs() <= STRAIGHT {
        let from_top = way.is_some_and(|way| {
            let (down, away) = nearest(way - lean.unwrap_or(0.0));
            away.abs() <= STRAIGHT && down == (turn + 90) % 360
        });
        let is_chinese = || run.iter().filter(|one| text::is_cjk(one.glyph.char)).count() * 2 > run.len();
        return Some(if from_top && is_chinese() { (turn + 90) % 360 } else { turn });
    }
    match way.map(|way| nearest(way - lean.unwrap_or(0.0))) {
        // Slanted letters on a straight line.
        Some((turn, away)) if away.abs() <= STRAIGHT => Some(turn),
        _ => (away.abs() <= MAX_LEAN).then_some(turn),
    }
}

/// The nearest right angle and how many degrees are beyond it, negative when it is not reached.
fn nearest(degrees: f32) -> (u16, f32) {
    let degrees = degrees.rem_euclid(360.0);
    let turns = [(0_u16, 0.0_f32), (90, 90.0), (180, 180.0), (270, 270.0), (0, 360.0)];
    let by_distance = |a: &(u16, f32), b: &(u16, f32)| (degrees - a.1).abs().total_cmp(&(degrees - b.1).abs());
    turns.into_iter().min_by(by_distance).map_or((0, 0.0), |(turn, exact)| (turn, degrees - exact))
}

/// By how many degrees the whole page leans, when most of its words lean alike.
fn lean(drawn: &[Drawn]) -> Option<f32> {
    let mut leans: Vec<f32> = Vec::new();
    let mut n_straight = 0_usize;
    for run in runs(drawn).filter(|run| run.len() > 1) {
        let Some((_, away)) = way(run).map(nearest) else { continue };
        if away.abs() <= STRAIGHT {
            n_straight += 1;
        } else if away.abs() <= MAX_LEAN {
            leans.push(away);
        }
    }
    if leans.len() <= n_straight {
        return None;
    }
    let middle = leans.len() / 2;
    let (_, median, _) = leans.select_nth_unstable_by(middle, f32::total_cmp);
    Some(*median)
}

/// A character of a leaning page where it would stand if the page did not lean.
fn upright(
    glyph: &Glyph,
    origin: (f32, f32),
    next: Option<(f32, f32)>,
    lean: f32,
    (width, height): (f32, f32),
) -> Glyph {
    let (sin, cos) = (-lean).to_radians().sin_cos();
    let turned = |(x, y): (f32, f32)| {
        let (x, y) = (x - width / 2.0, y - height / 2.0);
        (x * cos - y * sin + width / 2.0, x * sin + y * cos + height / 2.0)
    };
    let start = turned(origin);
    let usual = if text::is_cjk(glyph.char) { glyph.size } else { 0.5 * glyph.size };
    let advance = next.map(turned).map(|next| (next.0 - start.0).hypot(next.1 - start.1));
    let advance = advance.filter(|advance| *advance < 2.0 * glyph.size).unwrap_or(usual);
    let (up, down) = (0.8 * glyph.size, 0.2 * glyph.size);
    let (left, top, right, bottom) = match glyph.turn {
        90 => (start.0 - down, start.1, start.0 + up, start.1 + advance),
        180 => (start.0 - advance, start.1 - down, start.0, start.1 + up),
        270 => (start.0 - up, start.1 - advance, start.0 + down, start.1),
        _ => (start.0, start.1 - up, start.0 + advance, start.1 + down),
    };
    Glyph { left, top, right, bottom, ..*glyph }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A word whose characters run along `way` and are themselves turned by `degrees`, both clockwise.
    fn word(text: &str, way: f32, degrees: f32) -> Vec<Drawn> {
        let (sin, cos) = way.to_radians().sin_cos();
        let step = 8.0;
        let place = |at: usize| {
            let along = step * f32::from(u16::try_from(at).unwrap());
            (300.0 + along * cos, 400.0 + along * sin)
        };
        let drawn = text.chars().enumerate().map(|(at, char)| {
            let (left, bottom) = place(at);
            let (right, top) = (left + step, bottom - 10.0);
            let glyph = Glyph { char, left, right, top, bottom, size: 10.0, bold: false, turn: 0 };
            Drawn { glyph, origin: place(at), degrees }
        });
        drawn.collect()
    }

    fn turns(drawn: &[Drawn]) -> Vec<u16> {
        settle(drawn, 600.0, 800.0).iter().map(|glyph| glyph.turn).collect()
    }

    #[test]
    fn letters_slanted_by_a_matrix_run_along_their_line() {
        assert_eq!(turns(&word("slanted", 0.0, 17.0)), [0; 7]);
        assert_eq!(turns(&word("slanted", 270.0, 287.0)), [270; 7]);
    }

    #[test]
    fn chinese_set_from_top_to_bottom_runs_down_and_letters_drawn_backwards_do_not_run_back() {
        assert_eq!(turns(&word("资产负债表", 90.0, 0.0)), [90; 5]);
        assert_eq!(turns(&word("12345", 180.0, 0.0)), [0; 5]);
    }

    #[test]
    fn a_page_that_leans_is_set_upright_and_a_stamp_across_it_is_left_out() {
        let mut drawn = word("leaning", 7.0, 7.0);
        let blank = Glyph { char: ' ', ..drawn[0].glyph };
        drawn.push(Drawn { glyph: blank, ..drawn[0] });
        drawn.extend(word("COPY", 315.0, 315.0));

        let glyphs = settle(&drawn, 600.0, 800.0);

        let text: String = glyphs.iter().map(|glyph| glyph.char).collect();
        assert_eq!(text, "leaning ");
        let bottoms: Vec<f32> = glyphs[..7].iter().map(|glyph| glyph.bottom).collect();
        assert!(bottoms.windows(2).all(|pair| (pair[0] - pair[1]).abs() < 0.1), "{bottoms:?}");
    }
}
