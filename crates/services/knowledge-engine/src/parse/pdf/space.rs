//! From the space of a PDF's page to the page as it is displayed.
//!
//! A page has an origin of its own (its box may begin anywhere, also below zero), is shown turned by `/Rotate`, and may
//! be drawn in units far from a point. Both readers of PDFs come through here, so that they agree.

/// From a page's own space (origin at the bottom left, before `/Rotate`) to the displayed page (origin at the top left).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Space {
    left: f32,
    bottom: f32,
    right: f32,
    top: f32,
    turn: u16,
    scale: f32,
}

impl Space {
    /// `bounds` is what is shown of the page: left, bottom, right, top. `turn` is how far it is shown turned clockwise.
    pub(super) fn new(bounds: (f32, f32, f32, f32), turn: u16) -> Self {
        let (left, bottom, right, top) = bounds;
        Self { left, bottom, right, top, turn: turn % 360, scale: 1.0 }
    }

    /// The same page, shown `scale` times as large.
    pub(super) fn scaled(self, scale: f32) -> Self {
        Self { scale, ..self }
    }

    /// How many times as large it is shown.
    pub(super) fn scale(&self) -> f32 {
        self.scale
    }

    /// Width of the displayed page.
    pub(super) fn width(&self) -> f32 {
        self.scale * if self.is_on_its_side() { self.top - self.bottom } else { self.right - self.left }
    }

    /// Height of the displayed page.
    pub(super) fn height(&self) -> f32 {
        self.scale * if self.is_on_its_side() { self.right - self.left } else { self.top - self.bottom }
    }

    fn is_on_its_side(&self) -> bool {
        self.turn == 90 || self.turn == 270
    }

    /// left, top, right, bottom on the displayed page.
    pub(super) fn place(&self, left: f32, bottom: f32, right: f32, top: f32) -> (f32, f32, f32, f32) {
        let (x0, y0, x1, y1) = match self.turn {
            90 => (bottom - self.bottom, left - self.left, top - self.bottom, right - self.left),
            180 => (self.right - right, bottom - self.bottom, self.right - left, top - self.bottom),
            270 => (self.top - top, self.right - right, self.top - bottom, self.right - left),
            _ => (left - self.left, self.top - top, right - self.left, self.top - bottom),
        };
        (self.scale * x0, self.scale * y0, self.scale * x1, self.scale * y1)
    }

    /// A point on the displayed page.
    pub(super) fn point(&self, x: f32, y: f32) -> (f32, f32) {
        let (x, y, _, _) = self.place(x, y, x, y);
        (x, y)
    }

    /// The clockwise angle as displayed of what is turned by `clockwise` degrees in the page's own space.
    pub(super) fn angle(&self, clockwise: f32) -> f32 {
        (clockwise + f32::from(self.turn)).rem_euclid(360.0)
    }
}

/// How many times larger a page must be shown for its text to have an ordinary size, a power of two.
///
/// Distances are judged in points. A page may be drawn in other units (`/UserUnit`, which libpdfium does not tell), so
/// text below 3 or above 48 points for the most part is taken for text of another unit.
pub(super) fn magnification(sizes: impl Iterator<Item = f32>) -> f32 {
    let mut sizes: Vec<f32> = sizes.filter(|size| size.is_finite() && *size > 0.0).collect();
    if sizes.is_empty() {
        return 1.0;
    }
    let middle = sizes.len() / 2;
    let (_, median, _) = sizes.select_nth_unstable_by(middle, f32::total_cmp);
    if (3.0..=48.0).contains(median) {
        return 1.0;
    }
    (12.0 / *median).log2().floor().clamp(-10.0, 10.0).exp2()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_corner_of_the_page_is_found_whichever_way_it_is_shown() {
        let bounds = (-100.0, -50.0, 500.0, 750.0);
        // The top left corner of the page's own space, and where it is displayed.
        for (turn, at) in [(0, (0.0, 0.0)), (90, (800.0, 0.0)), (180, (600.0, 800.0)), (270, (0.0, 600.0))] {
            assert_eq!(Space::new(bounds, turn).point(-100.0, 750.0), at, "{turn}");
        }
        let sideways = Space::new(bounds, 90).scaled(2.0);
        assert_eq!((sideways.width(), sideways.height()), (1_600.0, 1_200.0));
    }

    #[test]
    fn text_of_another_unit_is_brought_to_an_ordinary_size() {
        assert_eq!(magnification([9.0, 10.0, 24.0].into_iter()), 1.0);
        assert_eq!(magnification([1.2, 1.2, 1.0].into_iter()), 8.0);
        assert_eq!(magnification([0.14].into_iter()), 64.0);
        assert_eq!(magnification([200.0].into_iter()), 0.03125);
        assert_eq!(magnification([f32::NAN, 0.0].into_iter()), 1.0);
    }
}
