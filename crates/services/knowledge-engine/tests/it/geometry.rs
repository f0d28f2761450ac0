//! Where things stand on the pages of a PDF: turned pages, turned text, boxes that begin anywhere, other units.

use septet_knowledge_engine::document::{Page, PageBox};
use septet_knowledge_engine::parse::{Event, Reader};

use crate::harness::has_pdfium;
use crate::pdf::{self, Sheet};
use crate::reader::reader;

const ROWS: [[&str; 3]; 4] = [
    ["Revenue", "12,345.60", "11,000.00"],
    ["Cost of sales", "8,000.00", "7,500.50"],
    ["Net profit", "1,100.55", "(250.10)"],
    ["Net debt", "98,765", "87,654"],
];

/// The reader that knows turned text; says aloud when it is not installed.
fn libpdfium() -> Option<Reader> {
    has_pdfium(&septet_knowledge_engine::Config::default()).then(reader)
}

/// Both readers of PDFs where the better one is installed.
fn readers() -> Vec<Reader> {
    libpdfium().into_iter().chain([Reader { pdfium: Vec::new(), ..reader() }]).collect()
}

async fn pages(reader: &Reader, sheets: &[Sheet]) -> Vec<Page> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pages.pdf");
    std::fs::write(&path, pdf::file(sheets)).unwrap();
    let mut reading = reader.start(&std::fs::File::open(&path).unwrap(), "pages.pdf", 0).unwrap();
    let mut pages = Vec::new();
    while let Some(event) = reading.next().await.unwrap() {
        match event {
            Event::Opened { .. } | Event::LeftOut(_) => {}
            Event::Page(page) => pages.push(page),
        }
    }
    pages
}

/// The table of [`ROWS`], with lines around its cells or without.
fn table(ruled: bool) -> String {
    let mut content = String::new();
    let mut y = 480.0;
    for row in ROWS {
        for (x, text) in [60.0, 220.0, 360.0].into_iter().zip(row) {
            content += &pdf::text(x, y, 12.0, text);
        }
        if ruled {
            content += &pdf::line(55.0, y + 17.0, 470.0, y + 17.0);
        }
        y -= 24.0;
    }
    if ruled {
        content += &pdf::line(55.0, y + 17.0, 470.0, y + 17.0);
        for x in [55.0, 215.0, 355.0, 470.0] {
            content += &pdf::line(x, 497.0, x, y + 17.0);
        }
    }
    content
}

/// What turns a page of A4 against the clock around itself.
fn turn(against_the_clock: u16) -> &'static str {
    match against_the_clock {
        90 => "0 1 -1 0 595 0",
        180 => "-1 0 0 -1 595 842",
        270 => "0 -1 1 0 0 842",
        _ => "1 0 0 1 0 0",
    }
}

fn cells(page: &Page) -> Vec<Vec<&str>> {
    page.rows.iter().map(|row| row.cells.iter().map(|cell| cell.text.as_str()).collect()).collect()
}

fn places(page: &Page) -> Vec<PageBox> {
    page.rows.iter().map(|row| PageBox { page: 1, ..page.place(row) }).collect()
}

fn near(a: &PageBox, b: &PageBox) -> bool {
    [(a.x0, b.x0), (a.y0, b.y0), (a.x1, b.x1), (a.y1, b.y1)].iter().all(|(a, b)| (a - b).abs() < 0.01)
}

#[tokio::test]
async fn rows_read_forwards_in_every_way_of_turning() {
    if let Some(reader) = libpdfium() {
        for ruled in [false, true] {
            let ways: Vec<(u16, u16)> =
                [0, 90, 180, 270].iter().flat_map(|text| [0, 90, 180, 270].map(|page| (*text, page))).collect();
            let sheet = |(text, page): &(u16, u16)| {
                Sheet::a4(table(ruled)).through(turn(*text)).with(format!("/Rotate {page}"))
            };
            let pages = pages(&reader, &ways.iter().map(sheet).collect::<Vec<_>>()).await;

            assert_eq!(pages.len(), 16);
            for (page, way) in pages.iter().zip(&ways) {
                assert_eq!(cells(page), ROWS, "text and page turned by {way:?}, ruled {ruled}");
            }
        }
    }
}

#[tokio::test]
async fn a_page_that_is_shown_upright_has_its_rows_where_they_are_seen() {
    if let Some(reader) = libpdfium() {
        let sheets: Vec<Sheet> = [0, 180, -360]
            .into_iter()
            .map(|page: i32| {
                Sheet::a4(table(true))
                    .through(turn(u16::try_from(page.rem_euclid(360)).unwrap()))
                    .with(format!("/Rotate {page}"))
            })
            .collect();
        let upright = pages(&reader, &sheets).await;
        for page in &upright[1..] {
            assert!(places(&upright[0]).iter().zip(places(page)).all(|(a, b)| near(a, &b)), "{:?}", places(page));
        }
        // A page on its side is as wide as it was high; left and right are its own.
        let wide = Sheet { media: [0.0, 0.0, 842.0, 595.0], ..Sheet::a4(table(true)) };
        let turned = Sheet::a4(table(true)).through("0 1 -1 0 595 0").with("/Rotate 90");
        let found = pages(&reader, &[wide, turned]).await;
        assert!(places(&found[0]).iter().zip(places(&found[1])).all(|(a, b)| near(a, &b)), "{:?}", places(&found[1]));
    }
}

#[tokio::test]
async fn crop_boxes_other_units_and_negative_origins_change_no_row_and_no_place() {
    for reader in readers() {
        let plain = Sheet::a4(table(true));
        let below_zero = Sheet { media: [-100.0, -200.0, 495.0, 642.0], ..plain.clone().through("1 0 0 1 -100 -200") };
        // What is outside of the crop box is not seen.
        let cropped = Sheet {
            media: [-300.0, -300.0, 1_200.0, 1_200.0],
            content: plain.content.clone() + &pdf::text(700.0, 480.0, 12.0, "unseen"),
            entries: "/CropBox [0 0 595 842]".to_owned(),
        };
        let tenfold = Sheet {
            media: [0.0, 0.0, 59.5, 84.2],
            entries: "/UserUnit 10".to_owned(),
            ..plain.clone().through("0.1 0 0 0.1 0 0")
        };
        let mut sheets = vec![plain.clone(), below_zero, cropped, tenfold];
        if !reader.pdfium.is_empty() {
            let turned_and_cropped = Sheet { media: [-50.0, -50.0, 700.0, 900.0], ..plain.through(turn(180)) };
            sheets.push(turned_and_cropped.with("/CropBox [0 0 595 842] /Rotate 180"));
        }
        let found = pages(&reader, &sheets).await;
        for (at, page) in found.iter().enumerate() {
            assert_eq!(cells(page), ROWS, "page {at}");
            assert!(
                places(&found[0]).iter().zip(places(page)).all(|(a, b)| near(a, &b)),
                "page {at}: {:?}",
                places(page)
            );
        }
    }
}

#[tokio::test]
async fn text_that_runs_across_the_page_is_kept_beside_it_and_in_its_cells() {
    if let Some(reader) = libpdfium() {
        let sideways =
            |x: f32, y: f32, text: &str| format!("q 0 1 -1 0 {x} {y} cm {} Q\n", pdf::text(0.0, 0.0, 12.0, text));
        let mut content = table(true);
        // A row of heads that are set upwards, above the table, and a note along the margin.
        content += &pdf::line(55.0, 597.0, 470.0, 597.0);
        for x in [55.0, 215.0, 355.0, 470.0] {
            content += &pdf::line(x, 597.0, x, 497.0);
        }
        content += &pdf::text(60.0, 540.0, 12.0, "Item");
        content += &sideways(250.0, 505.0, "Year 2024");
        content += &sideways(390.0, 505.0, "Year 2023");
        content += &sideways(30.0, 100.0, "Printed in May");

        let found = pages(&reader, &[Sheet::a4(content)]).await;

        let cells = cells(&found[0]);
        assert_eq!(cells[0], ["Item", "Year 2024", "Year 2023"]);
        assert_eq!(cells[1..5], ROWS);
        assert_eq!(cells[5], ["Printed in May"]);
        let note = found[0].place(&found[0].rows[5]);
        assert!(note.x0 < 0.06 && note.x1 < 0.08 && note.y1 > 0.85 && note.y0 > 0.7, "{note:?}");
    }
}

#[tokio::test]
async fn letters_slanted_or_turned_over_by_the_program_are_read() {
    if let Some(reader) = libpdfium() {
        let slanted = "BT /F1 12 Tf 1 0 0.33 1 60 700 Tm (A made-up italic) Tj ET\n".to_owned();
        let negative = "BT /F1 -12 Tf -1 0 0 -1 60 600 Tm (Set with a negative size) Tj ET\n".to_owned();

        let found = pages(&reader, &[Sheet::a4(slanted + &negative)]).await;

        assert_eq!(cells(&found[0]), [["A made-up italic"], ["Set with a negative size"]]);
    }
}
