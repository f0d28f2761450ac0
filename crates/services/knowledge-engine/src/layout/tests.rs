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

/// A table with columns at 50, 150, 250 to 350 and rules at these heights; rows stand 18 points apart.
fn ruled(rows: &[[&str; 3]], heights: &[f32]) -> Page {
    let mut glyphs = Vec::new();
    let mut top = 104.0;
    for row in rows {
        for (left, text) in [55.0, 155.0, 255.0].into_iter().zip(row) {
            draw(&mut glyphs, left, top, text);
        }
        top += 18.0;
    }
    let mut rules: Vec<Rule> = heights.iter().map(|y| line(50.0, *y, 350.0, *y)).collect();
    let end = heights[heights.len() - 1];
    rules.extend([50.0, 150.0, 250.0, 350.0].iter().map(|x| line(*x, heights[0], *x, end)));
    page(1, 600.0, 800.0, &glyphs, &rules)
}

const MONTHS: [[&str; 3]; 9] = [
    ["月份", "旅客", "同比"],
    ["4月", "653,278", "107.5"],
    ["5月", "686,908", "110.9"],
    ["6月", "667,181", "108.0"],
    ["一季度合计", "2,007,367", "108.8"],
    ["7月", "698,352", "104.5"],
    ["8月", "721,817", "99.7"],
    ["9月", "665,754", "101.1"],
    ["二季度合计", "2,085,923", "101.7"],
];

#[test]
fn each_line_of_a_table_is_a_row_wherever_its_rules_are() {
    let height = |n: u8| 100.0 + 18.0 * f32::from(n);
    for rules in [&[0_u8, 1, 2, 3, 4, 5, 6, 7, 8, 9][..], &[0, 1, 4, 5, 8, 9], &[0, 1, 9], &[0, 9]] {
        let heights: Vec<f32> = rules.iter().map(|n| height(*n)).collect();
        assert_eq!(texts(&ruled(&MONTHS, &heights)), MONTHS, "{rules:?}");
    }
    let names = [["T1", "a", "Plain"], ["T2", "b", "Light"], ["T3", "c", "Dark"], ["T4", "d", "Grid"]];
    assert_eq!(texts(&ruled(&names, &[100.0, 172.0])), names);
}

#[test]
fn a_cell_whose_text_is_broken_over_lines_stays_one_cell() {
    // Twenty characters fill a column.
    let rows = [
        ["Net income with the", "", ""],
        ["interest of others", "5,363", "4,869"],
        ["Sales", "1,000", "2,000"],
        ["Cost of everything", "", ""],
        ["that was sold", "300", "400"],
    ];
    let wanted = [
        ["Net income with the interest of others", "5,363", "4,869"],
        ["Sales", "1,000", "2,000"],
        ["Cost of everything that was sold", "300", "400"],
    ];
    let mut glyphs = Vec::new();
    for (at, row) in (0_u8..).zip(&rows) {
        for (left, text) in [55.0, 155.0, 255.0].into_iter().zip(row) {
            draw(&mut glyphs, left, 104.0 + 12.0 * f32::from(at), text);
        }
    }
    let mut rules: Vec<Rule> = [100.0, 170.0].iter().map(|y| line(50.0, *y, 350.0, *y)).collect();
    rules.extend([50.0, 150.0, 250.0, 350.0].iter().map(|x| line(*x, 100.0, *x, 170.0)));
    assert_eq!(texts(&page(1, 600.0, 800.0, &glyphs, &rules)), wanted);

    // Prose in cells and a figure with a share below it are rows as the rules say.
    let prose = [
        ["The maker of valves", "sells to shops and", "none"],
        ["and pumps for all of", "to makers of ships", ""],
        ["the world", "and trains", ""],
    ];
    assert_eq!(texts(&ruled(&prose, &[100.0, 154.0])).len(), 1);
    let share = [["Revenue", "1,250", "1,100"], ["", "(12%)", "(8%)"]];
    assert_eq!(texts(&ruled(&share, &[100.0, 136.0])).len(), 1);
}

#[test]
fn figures_without_rules_of_their_own_stand_beside_their_labels() {
    let mut glyphs = Vec::new();
    for (at, row) in (0_u8..).zip(&MONTHS[1..4]) {
        for (left, text) in [55.0, 155.0, 255.0].into_iter().zip(row) {
            draw(&mut glyphs, left, 104.0 + 18.0 * f32::from(at), text);
        }
    }
    // Rules between the labels only.
    let mut rules = vec![line(50.0, 100.0, 350.0, 100.0), line(50.0, 154.0, 350.0, 154.0)];
    rules.extend([118.0, 136.0].map(|y| line(50.0, y, 150.0, y)));
    rules.extend([50.0, 150.0, 250.0, 350.0].map(|x| line(x, 100.0, x, 154.0)));

    assert_eq!(texts(&page(1, 600.0, 800.0, &glyphs, &rules)), MONTHS[1..4]);
}
