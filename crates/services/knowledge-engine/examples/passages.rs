//! Shows what the engine makes of a file: `passages <libpdfium.so> <file> [rows|blocks|chunks] [page]`, or what it finds
//! there: `passages <libpdfium.so> <file> find <question>...`.
//!
//! For looking at a report whose tables come out wrong.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use septet_kernel::{Clock, Ids};
use septet_knowledge_engine::change_feed::{Changes, IndexEntry, Position};
use septet_knowledge_engine::index::query::Query;
use septet_knowledge_engine::index::{Index, Scope};
use septet_knowledge_engine::parse::{Event, Limits, Reader};
use septet_knowledge_engine::{chunk, rows, structure};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [library, file, rest @ ..] = args.as_slice() else {
        anyhow::bail!("usage: passages <libpdfium.so> <file> [rows|blocks|chunks] [page]")
    };
    let what = rest.first().map_or("chunks", String::as_str);
    let questions = rest.get(1..).unwrap_or_default().to_vec();
    let only: Option<u32> = if what == "find" { None } else { rest.get(1).map(|page| page.parse()).transpose()? };
    let child = std::env::current_exe()?.with_file_name("../septet-parse");
    let reader = Reader {
        command: vec![child.to_string_lossy().into_owned()],
        pdfium: vec![PathBuf::from(library)],
        limits: Limits {
            cpu: Duration::from_secs(300),
            wall: Duration::from_secs(600),
            page: Duration::from_secs(60),
            memory_bytes: 4 << 30,
            output_bytes: 1 << 30,
            max_pages: 5_000,
        },
    };
    let mut out = std::io::stdout().lock();
    let start = std::time::Instant::now();
    let mut reading = reader.start(&std::fs::File::open(file)?, file, 0)?;
    let mut pages = Vec::new();
    while let Some(event) = reading.next().await? {
        match event {
            Event::Opened { reader, pages } => writeln!(out, "{reader}, {pages} pages")?,
            Event::Page(page) => pages.push(page),
            Event::LeftOut(what) => writeln!(out, "{what}")?,
        }
    }
    let read = start.elapsed();
    if what == "rows" {
        for page in pages.iter().filter(|page| only.is_none_or(|only| only == page.number)) {
            writeln!(out, "=== page {} {}x{} turn {}", page.number, page.width, page.height, page.turn)?;
            for row in &page.rows {
                let cells: Vec<String> =
                    row.cells.iter().map(|cell| format!("{:.0}-{:.0} {}", cell.left, cell.right, cell.text)).collect();
                writeln!(
                    out,
                    "{:>4.0} s{:<4} {}{:?} c{} {}",
                    row.top,
                    row.size,
                    if row.bold { "B " } else { "" },
                    row.grid,
                    row.column,
                    cells.join(" ¦ ")
                )?;
            }
        }
        return Ok(());
    }
    let blocks = structure::blocks(pages);
    if what == "blocks" {
        for block in blocks.iter().filter(|block| only.is_none_or(|only| only == block.page)) {
            writeln!(out, "p{}-{} {:#?}", block.page, block.page_end, block.content)?;
        }
        return Ok(());
    }
    let chunks = chunk::split(&blocks);
    if what == "find" {
        return find(&mut out, &chunks, &questions);
    }
    writeln!(out, "{} chunks, read {:.1?}, all {:.1?}", chunks.len(), read, start.elapsed())?;
    for chunk in chunks.iter().filter(|chunk| only.is_none_or(|only| (chunk.page..=chunk.page_end).contains(&only))) {
        writeln!(
            out,
            "\n--- p{}-{} {} [{}]\n{}",
            chunk.page,
            chunk.page_end,
            if chunk.is_table { "TABLE" } else { "text" },
            chunk.heading,
            chunk.text
        )?;
    }
    Ok(())
}

fn find(out: &mut impl Write, chunks: &[chunk::Chunk], questions: &[String]) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let index = Index::open(folder.path())?;
    let ids = Ids::new(Clock::system());
    let (tenant, store, file) = (ids.next(), ids.next(), ids.next());
    let entries = (0..).zip(chunks).map(|(number, chunk)| IndexEntry {
        number,
        tenant,
        store,
        file,
        title: String::new(),
        heading: chunk.heading.clone(),
        text: chunk.text.clone(),
        is_table: chunk.is_table,
        vector: None,
    });
    index.apply(Changes {
        removals: Vec::new(),
        entries: entries.collect(),
        position: Position { epoch: 1, sequence: 1 },
    })?;
    for question in questions {
        let query = Query::new(question);
        writeln!(out, "\n## {question}  {:?}", query.terms)?;
        let scope = Scope { tenant, stores: Vec::new(), files: None };
        let mut hits: Vec<(f32, f32, &chunk::Chunk)> = Vec::new();
        for hit in index.search(&query, &scope, 200)? {
            let chunk = &chunks[usize::try_from(hit.number)?];
            let factor = if query.wants_figures && chunk.is_table {
                rows::boost(&query, &chunk.text, &chunk.heading)
            } else {
                1.0
            };
            hits.push((hit.score * factor, hit.score, chunk));
        }
        hits.sort_by(|a, b| b.0.total_cmp(&a.0));
        for (score, words, chunk) in hits.iter().take(12) {
            let start: String = chunk.text.chars().take(90).collect();
            writeln!(
                out,
                "{score:6.1} ({words:5.1}) p{:<3} {} [{}] {}",
                chunk.page,
                if chunk.is_table { "T" } else { " " },
                chunk.heading.chars().rev().take(40).collect::<String>().chars().rev().collect::<String>(),
                start.replace('\n', " / ")
            )?;
        }
    }
    Ok(())
}
