use super::*;

/// Draws text at a place, five points for a Latin character and ten for a Chinese one.
fn draw(glyphs: &mut Vec<Glyph>, left: f32, top: f32, text: &str) {
    let mut x = left;
    for char in text.chars() {
        let width = if crate::text::is_cjk(char) { 10.0 } else { 5.0 };
        glyphs.push(Glyph {
            char,
            left: x,
            right: x + width,
            top,
            bottom: top + 10.0,
            size: 10.0,
            bold: false,
            turn: 0,
        });
        x += width;
    }
    glyphs.push(Glyph { char: ' ', left: 0.0, right: 0.0, top: 0.0, bottom: 0.0, size: 0.0, bold: false, turn: 0 });
}

fn texts(page: &Page) -> Vec<Vec<&str>> {
    page.rows.iter().map(|row| row.cells.iter().map(|cell| cell.text.as_str()).collect()).collect()
}

fn line(left: f32, top: f32, right: f32, bottom: f32) -> Rule {
    Rule { left, top, right, bottom }
}

#[test]
fn a_row_keeps_its_label_and_its_numbers_whatever_the_order_of_drawing() {
    let mut glyphs = Vec::new();
    // Numbers first, as some programs draw them.
    draw(&mut glyphs, 400.0, 100.0, "31,657");
    draw(&mut glyphs, 300.0, 100.0, "32,765");
    draw(&mut glyphs, 285.0, 100.0, "$");
    draw(&mut glyphs, 50.0, 100.0, "Net");
    draw(&mut glyphs, 70.0, 100.0, "sales");

    let page = page(1, 600.0, 800.0, &glyphs, &[]);

    assert_eq!(texts(&page), [["Net sales", "$32,765", "31,657"]]);
}

#[test]
fn a_ruled_table_is_read_by_its_borders() {
    let mut glyphs = Vec::new();
    draw(&mut glyphs, 52.0, 102.0, "营业");
    draw(&mut glyphs, 52.0, 113.0, "收入");
    draw(&mut glyphs, 122.0, 108.0, "1,000");
    draw(&mut glyphs, 52.0, 132.0, "成本");
    draw(&mut glyphs, 122.0, 132.0, "600");
    let mut rules: Vec<Rule> = [100.0, 128.0, 148.0].iter().map(|y| line(50.0, *y, 200.0, *y)).collect();
    rules.extend([50.0, 120.0, 200.0].iter().map(|x| line(*x, 100.0, *x, 148.0)));

    let page = page(1, 600.0, 800.0, &glyphs, &rules);

    assert_eq!(texts(&page), [["营业收入", "1,000"], ["成本", "600"]]);
    assert!(page.rows.iter().all(|row| row.grid == Some(0)));
}

#[test]
fn two_columns_of_prose_are_read_one_after_the_other() {
    let mut glyphs = Vec::new();
    for n in 0..10_u8 {
        let top = 100.0 + 14.0 * f32::from(n);
        draw(&mut glyphs, 40.0, top, &format!("left {n} and so on with many more words"));
        draw(&mut glyphs, 320.0, top, &format!("right {n} and so on with many more words"));
    }

    let page = page(1, 600.0, 800.0, &glyphs, &[]);

    let first: Vec<String> = page.rows.iter().map(|row| row.text().chars().take(7).collect()).collect();
    assert_eq!(first.len(), 20);
    assert!(first[..10].iter().all(|text| text.starts_with("left")), "{first:?}");
    assert!(first[10..].iter().all(|text| text.starts_with("right")), "{first:?}");
}

#[test]
fn a_page_that_is_turned_is_read_upright_and_its_places_are_those_on_the_page() {
    let mut upright = Vec::new();
    draw(&mut upright, 100.0, 50.0, "Total");
    // The same text, turned clockwise by 90 degrees on a page of 600 x 800.
    let turned: Vec<Glyph> = upright
        .iter()
        .map(|glyph| {
            let (left, top, right, bottom) =
                rotate(90, 800.0, 600.0, (glyph.left, glyph.top, glyph.right, glyph.bottom));
            Glyph { left, top, right, bottom, turn: 90, ..*glyph }
        })
        .collect();

    let page = page(1, 600.0, 800.0, &turned, &[]);

    assert_eq!(texts(&page), [["Total"]]);
    let place = page.place(&page.rows[0]);
    assert!((place.x0 * 600.0 - 540.0).abs() < 0.5 && (place.y0 * 800.0 - 100.0).abs() < 0.5, "{place:?}");
}

#[test]
fn absurd_coordinates_are_dropped() {
    let odd = [f32::NAN, f32::INFINITY, -1e30, 1e30];
    let glyphs: Vec<Glyph> = odd
        .iter()
        .map(|x| Glyph { char: 'x', left: *x, right: *x, top: *x, bottom: *x, size: *x, bold: false, turn: 0 })
        .collect();
    let rules: Vec<Rule> = odd.iter().map(|x| line(*x, *x, *x, *x)).collect();

    assert!(page(1, 600.0, 800.0, &glyphs, &rules).rows.is_empty());
    assert!(page(1, f32::NAN, 0.0, &glyphs, &rules).rows.is_empty());
}
