//! Reads a file into a knowledge base: parse, cut, embed, index.
//!
//! Delivery of a job is at least once, and a process may die at any moment. Pages are kept as they are read, so a
//! reading goes on at the page where it was; passages are written in one transaction that replaces those of an earlier
//! reading; a file that is ready already is left alone. A page that kills its reader twice is skipped, so one bad page
//! does not cost the document.

use std::pin::pin;
use std::time::Duration;

use septet_chassis::Place;
use septet_contracts::jobs::JobEvent;
use septet_contracts::knowledge::{IngestPayload, Stage};
use septet_kernel::{Caller, Failure};
use serde_json::json;
use tokio::sync::mpsc;

use crate::chunk::{self, Chunk};
use crate::document::Page;
use crate::engine::Engine;
use crate::parse::{Event, ParseFailure};
use crate::store::{Document, Key, Status};
use crate::{Error, structure};

/// How many passages one file may have. The number of a passage has 20 bits for its place in its file (`store/sequence.rs`), and
/// a file is published in one piece.
const MAX_PASSAGES: usize = 500_000;

/// Pages kept in one transaction.
const PAGES_AT_ONCE: usize = 16;
/// Pages of one document that may be skipped because they kill the reader.
const MAX_BAD_PAGES: usize = 10;

/// A job that sends nothing for long is taken for dead, also while it waits for a place.
const WAITING_INTERVAL: Duration = Duration::from_secs(10);

/// Where progress goes; full or closed is fine, the next one counts.
type Progress = mpsc::Sender<JobEvent>;

/// How a reading ended.
enum Ended {
    Ready(Key, usize),
    /// The file was taken out, or put in again, meanwhile.
    NotWanted,
}

/// A file whose pages are all kept.
struct Parsed {
    pages_total: u32,
    /// What could not be read, in words for the person who uploaded it.
    left_out: Option<String>,
}

impl Engine {
    /// Runs an ingest job to its end; the last event says how it went. When no attempt follows (`is_last`), the file says
    /// so as well.
    pub(crate) async fn ingest(
        &self,
        caller: &Caller,
        payload: IngestPayload,
        is_last: bool,
        progress: Progress,
    ) -> JobEvent {
        let rows = self.store.of(caller.tenant);
        let document = match rows.document(payload.vector_store, payload.file).await {
            Ok(document) => document,
            Err(Error::NotAttached { .. }) => return JobEvent::Done { result: json!({"status": "removed"}) },
            Err(error) => return failed(&error, true),
        };
        match document.status {
            Status::InProgress => {}
            Status::Completed => return JobEvent::Done { result: json!({"status": document.stage.as_str()}) },
            // A person started its job anew.
            Status::Failed | Status::Cancelled => {
                if let Err(error) = self.store.reopen(document.key).await {
                    return failed(&error, true);
                }
            }
        }
        match self.read(caller, &document, &progress).await {
            Ok(Ended::Ready(key, n_chunks)) => {
                tracing::info!(tenant.id = %caller.tenant, file.id = %key.file, n_chunks, "file is searchable");
                JobEvent::Done { result: json!({"status": "ready", "n_chunks": n_chunks}) }
            }
            Ok(Ended::NotWanted) => JobEvent::Done { result: json!({"status": "removed"}) },
            Err(Error::Parse(failure)) => {
                tracing::info!(tenant.id = %caller.tenant, file.id = %payload.file, error.code = failure.code(), "file cannot be read");
                match self.store.set_failed(document.key, failure.code(), &failure.to_string()).await {
                    Ok(()) => {
                        JobEvent::Failed { message: failure.to_string(), code: failure.code().to_owned(), retry: false }
                    }
                    Err(error) => failed(&error, true),
                }
            }
            Err(error) => {
                tracing::warn!(tenant.id = %caller.tenant, file.id = %payload.file, error.detail = %septet_kernel::causes(&error), "reading a file failed");
                let retry = error.is_passing();
                let noted = if retry && !is_last {
                    self.store.set_waiting(document.key, error.code(), &reason(&error)).await
                } else {
                    self.store.set_failed(document.key, error.code(), &reason(&error)).await
                };
                match noted {
                    Ok(()) => failed(&error, retry),
                    Err(error) => failed(&error, true),
                }
            }
        }
    }

    async fn read(&self, caller: &Caller, document: &Document, progress: &Progress) -> Result<Ended, Error> {
        let key = document.key;
        let Some((Parsed { pages_total, left_out }, chunks)) = self.passages(caller, document, progress).await? else {
            return Ok(Ended::NotWanted);
        };
        let say = |note: &str| {
            // Progress that finds the channel full is dropped: the next one counts.
            let _ = progress.try_send(JobEvent::Progress {
                done: pages_total.into(),
                total: pages_total.into(),
                note: note.to_owned(),
            });
        };
        let vectors = if self.config.embedding_model.is_empty() {
            Vec::new()
        } else {
            if !self.store.set_stage(key, Stage::Embedding).await? {
                return Ok(Ended::NotWanted);
            }
            say("embedding");
            self.embed_all(caller, &chunks).await?
        };
        say("indexing");
        let model = self.config.embedding_model.as_str();
        if !self.store.publish(caller.tenant, key, &document.filename, &chunks, &vectors, model).await? {
            return Ok(Ended::NotWanted);
        }
        self.follow().await?;
        if self.store.set_ready(key, left_out.as_deref()).await? {
            Ok(Ended::Ready(key, chunks.len()))
        } else {
            Ok(Ended::NotWanted)
        }
    }

    /// Reads and cuts the file. `None` when it is no longer wanted.
    async fn passages(
        &self,
        caller: &Caller,
        document: &Document,
        progress: &Progress,
    ) -> Result<Option<(Parsed, Vec<Chunk>)>, Error> {
        let key = document.key;
        if document.stage == Stage::Indexing {
            // The passages were written before the process died; reading again gives the same ones.
            tracing::debug!(file.id = %key.file, "reading a file again that was nearly done");
        }
        if !self.store.set_stage(key, Stage::Parsing).await? {
            return Ok(None);
        }
        let Some(parsed) = self.parse(caller, document, progress).await? else { return Ok(None) };
        if !self.store.set_stage(key, Stage::Chunking).await? {
            return Ok(None);
        }
        let pages = self.store.pages(key).await?;
        // A reading whose lease ran out may still be at work beside its successor for a moment, and what it publishes
        // takes the pages away. Half a document must never pass for a whole one, so it is read again from the start.
        if u32::try_from(pages.len()) != Ok(parsed.pages_total) {
            self.store.drop_pages(key).await?;
            return Err(Error::PagesLost { n_pages: pages.len(), pages_total: parsed.pages_total });
        }
        let chunks = self.cpu.run(move || chunk::split(&structure::blocks(pages))).await?;
        if chunks.is_empty() {
            return Err(Error::Parse(ParseFailure::NoText));
        }
        if chunks.len() > MAX_PASSAGES {
            return Err(Error::Parse(ParseFailure::TooLarge));
        }
        Ok(Some((parsed, chunks)))
    }

    /// Waits for a place to read in, and says meanwhile that this job is still there.
    async fn place(&self, caller: &Caller, progress: &Progress) -> Place {
        let mut place = pin!(self.readings.enter(caller.tenant));
        loop {
            match tokio::time::timeout(WAITING_INTERVAL, &mut place).await {
                Ok(place) => return place,
                Err(_not_yet) => {
                    let note = "waiting".to_owned();
                    let _ = progress.try_send(JobEvent::Progress { done: 0, total: 0, note });
                }
            }
        }
    }

    /// Reads the pages that are not kept yet. `None` when the file is no longer wanted.
    async fn parse(&self, caller: &Caller, document: &Document, progress: &Progress) -> Result<Option<Parsed>, Error> {
        let key = document.key;
        let row = self.store.of(caller.tenant).file(key.file).await?;
        let bytes = self.blobs.size(&row.blob).await?;
        if bytes > self.config.max_file_bytes {
            return Err(Error::Parse(ParseFailure::TooLarge));
        }
        if bytes == 0 {
            return Err(Error::Parse(ParseFailure::EmptyFile));
        }
        let _place = self.place(caller, progress).await;
        let file = self.blobs.file(&row.blob).await?;
        let mut pages_total = 0;
        let mut left_out = None;
        let mut died_at: Option<u32> = None;
        let mut n_bad = 0;
        loop {
            let from = self.store.last_page(key).await?;
            let mut reading = self.reader.start(&file, &row.filename, from).map_err(Error::Reader)?;
            let mut batch: Vec<Page> = Vec::new();
            let mut last = from;
            let ended = loop {
                match reading.next().await {
                    Ok(Some(Event::Opened { reader, pages })) => {
                        pages_total = pages;
                        if !self.store.set_opened(key, &reader, pages).await? {
                            return Ok(None);
                        }
                    }
                    Ok(Some(Event::Page(page))) => {
                        last = page.number;
                        batch.push(page);
                        if batch.len() >= PAGES_AT_ONCE {
                            if !self.store.keep_pages(key, &batch).await? {
                                return Ok(None);
                            }
                            batch.clear();
                        }
                        let _ = progress.try_send(JobEvent::Progress {
                            done: last.into(),
                            total: pages_total.into(),
                            note: "parsing".to_owned(),
                        });
                    }
                    Ok(Some(Event::LeftOut(what))) => left_out = Some(what),
                    Ok(None) => break Ok(()),
                    Err(failure) => break Err(failure),
                }
            };
            // Also what came before the reader died is good.
            if !self.store.keep_pages(key, &batch).await? {
                return Ok(None);
            }
            match ended {
                Ok(()) => return Ok(Some(Parsed { pages_total, left_out })),
                Err(failure @ (ParseFailure::ParseTimeout | ParseFailure::ParseMemory))
                    if pages_total > 1 && last < pages_total =>
                {
                    if died_at == Some(last) {
                        n_bad += 1;
                        if n_bad > MAX_BAD_PAGES {
                            return Err(Error::Parse(failure));
                        }
                        tracing::warn!(tenant.id = %caller.tenant, file.id = %key.file, page = last + 1, "a page was skipped, it stops its reader");
                        let skipped = Page { number: last + 1, ..Page::default() };
                        if !self.store.keep_pages(key, &[skipped]).await? {
                            return Ok(None);
                        }
                        died_at = None;
                    } else {
                        died_at = Some(last);
                    }
                }
                Err(failure) => return Err(Error::Parse(failure)),
            }
        }
    }

    async fn embed_all(&self, caller: &Caller, chunks: &[Chunk]) -> Result<Vec<Vec<f32>>, Error> {
        let mut vectors = Vec::with_capacity(chunks.len());
        for some in chunks.chunks(self.config.embedding_batch) {
            let texts = some
                .iter()
                .map(|chunk| {
                    if chunk.heading.is_empty() {
                        chunk.text.clone()
                    } else {
                        format!("{}\n{}", chunk.heading, chunk.text)
                    }
                })
                .collect();
            vectors.extend(self.embed(caller, texts).await?);
        }
        Ok(vectors)
    }
}

fn failed(error: &Error, retry: bool) -> JobEvent {
    JobEvent::Failed { message: reason(error), code: error.code().to_owned(), retry }
}

/// What another service said is part of the reason: "failed to ask the embedding model" alone helps nobody.
fn reason(error: &Error) -> String {
    if let Error::Call { source, .. } = error { format!("{error}: {}", source.detail) } else { error.to_string() }
}
