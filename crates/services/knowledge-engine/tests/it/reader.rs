//! The child process that reads files: hostile input, limits, and readers that misbehave.

use std::path::{Path, PathBuf};
use std::time::Duration;

use septet_fixtures::shared;
use septet_knowledge_engine::Config;
use septet_knowledge_engine::parse::{Event, ParseFailure, Reader};

use crate::harness::sample_report;

pub(crate) fn reader() -> Reader {
    let config = Config { parse_command: vec![env!("CARGO_BIN_EXE_septet-parse").to_owned()], ..Config::default() };
    config.reader().unwrap()
}

/// A reader that is a shell script.
fn script(line: &str) -> Reader {
    Reader { command: vec!["/bin/sh".to_owned(), "-c".to_owned(), line.to_owned()], ..reader() }
}

async fn read(reader: &Reader, path: &Path) -> (usize, usize, Result<(), ParseFailure>) {
    let mut reading = reader.start(&std::fs::File::open(path).unwrap(), &path.to_string_lossy(), 0).unwrap();
    let (mut n_pages, mut n_chars) = (0, 0);
    loop {
        match reading.next().await {
            Ok(Some(Event::Page(page))) => {
                n_pages += 1;
                n_chars += page.rows.iter().map(|row| row.text().len()).sum::<usize>();
            }
            Ok(Some(Event::Opened { .. } | Event::LeftOut(_))) => {}
            Ok(None) => return (n_pages, n_chars, Ok(())),
            Err(failure) => return (n_pages, n_chars, Err(failure)),
        }
    }
}

#[tokio::test]
async fn every_hostile_pdf_ends_in_pages_or_a_stated_failure() {
    let Some(folder) = shared("fixtures/hostile-pdf") else { return };
    let mut reader = reader();
    reader.limits.cpu = Duration::from_secs(20);
    reader.limits.page = Duration::from_secs(30);
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let (mut n_with_text, mut n_failed) = (0, 0);
    for file in &files {
        let (n_pages, n_chars, end) = read(&reader, file).await;
        match end {
            Ok(()) => assert!(n_pages > 0, "{}", file.display()),
            Err(ParseFailure::PdfBroken | ParseFailure::PdfEncrypted) => n_failed += 1,
            Err(other) => panic!("{}: {other:?}", file.display()),
        }
        n_with_text += usize::from(n_chars > 0);
    }
    assert!(n_with_text * 2 > files.len(), "{n_with_text} of {} gave text, {n_failed} failed", files.len());
}

#[tokio::test]
async fn hostile_pdfs_do_not_hang_the_fallback_either() {
    let Some(folder) = shared("fixtures/hostile-pdf") else { return };
    let mut reader = reader();
    reader.pdfium = Vec::new();
    reader.limits.cpu = Duration::from_secs(20);
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    // A sample: this reader is slow without optimisation.
    for file in files.iter().step_by(6) {
        let (n_pages, _, end) = read(&reader, file).await;
        assert!(end.is_err() || n_pages > 0, "{}", file.display());
    }
}

#[tokio::test]
async fn the_fallback_reads_the_sample_report_with_its_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.pdf");
    std::fs::write(&path, sample_report()).unwrap();
    let mut reader = reader();
    reader.pdfium = Vec::new();
    let mut reading = reader.start(&std::fs::File::open(&path).unwrap(), "report.pdf", 0).unwrap();
    let mut rows = Vec::new();
    while let Some(event) = reading.next().await.unwrap() {
        match event {
            Event::Opened { reader, pages } => assert_eq!((reader.as_str(), pages), ("pdf_oxide", 37)),
            Event::Page(page) => rows.extend(page.rows.iter().map(|row| row.text())),
            Event::LeftOut(what) => panic!("{what}"),
        }
    }

    assert!(
        rows.iter().any(|row| row.starts_with("营业收入") && row.contains("51,238,609,924.44")),
        "{:?}",
        &rows[..60]
    );
}

#[tokio::test]
async fn a_reader_that_hangs_is_stopped() {
    let mut reader = script("exec sleep 1000");
    reader.limits.page = Duration::from_millis(300);

    assert_eq!(read(&reader, Path::new("/dev/null")).await.2, Err(ParseFailure::ParseTimeout));
}

#[tokio::test]
async fn a_reader_that_crashes_keeps_what_it_sent() {
    let page = r#"{"type":"opened","reader":"x","pages":3}
{"type":"page","page":{"number":1,"width":1,"height":1}}"#;
    let reader = script(&format!("echo '{page}'; kill -SEGV $$"));

    let (n_pages, _, end) = read(&reader, Path::new("/dev/null")).await;

    assert_eq!((n_pages, end), (1, Err(ParseFailure::ParseMemory)));
}

#[tokio::test]
async fn a_reader_that_never_stops_talking_is_stopped() {
    let mut reader = script("exec yes");
    reader.limits.output_bytes = 100_000;
    assert!(read(&reader, Path::new("/dev/null")).await.2.is_err());

    let mut reader = script("exec cat /dev/zero");
    reader.limits.output_bytes = 100_000;
    assert_eq!(read(&reader, Path::new("/dev/null")).await.2, Err(ParseFailure::TooLarge));
}

#[tokio::test]
async fn a_pdf_with_more_pages_than_allowed_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.pdf");
    std::fs::write(&path, sample_report()).unwrap();
    let mut reader = reader();
    reader.limits.max_pages = 36;

    assert_eq!(read(&reader, &path).await.2, Err(ParseFailure::TooLarge));
}

#[tokio::test]
async fn the_reader_gets_nothing_of_the_environment() {
    let reader =
        script("env > \"$(dirname \"$0\")/leak\" 2>/dev/null; if env | grep -q CARGO; then echo leak; fi; exit 0");

    // A leak would be a line that is no record; nothing at all is an early end. Both fail, only one is clean.
    let mut reading = reader.start(&std::fs::File::open("/dev/null").unwrap(), "x", 0).unwrap();
    assert_eq!(reading.next().await, Err(ParseFailure::ParseMemory));
}
