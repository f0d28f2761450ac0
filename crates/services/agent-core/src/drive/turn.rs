//! One turn of the model: asks, journals the words as they come, ends with the calls that it wants.

mod outcome;
mod retry;
mod words;

use std::time::Duration;

use futures::{Stream, StreamExt};
use septet_contracts::call::CallError;
use septet_contracts::models::{Assembly, CallOptions, ChatChunk, ChatRequest, Models, Opened};
use septet_kernel::{Caller, ResponseId};
use tokio::time::{Instant, sleep_until};

use self::retry::{Past, Retry, retry};
use self::words::Words;
use super::journal::JournalWriter;
use crate::error::Error;
use crate::run::event::{Event, Usage};
use crate::run::state::Step;
use crate::tools::Tools;

// Words are journaled in groups: often enough for the eye, seldom enough for the disk.
const FLUSH_AFTER: Duration = Duration::from_millis(40);
const FLUSH_CHARS: usize = 240;

/// A wait is told to whoever follows the run from this length on.
const MIN_TOLD_MS: i64 = 1_000;

/// The turn to take.
pub(crate) struct Turn<'a> {
    pub(crate) models: &'a Models,
    pub(crate) tools: &'a Tools,
    pub(crate) caller: &'a Caller,
    pub(crate) run: ResponseId,
    pub(crate) step: u32,
    pub(crate) max_retries: u32,
    /// When the run must have ended, in milliseconds since 1970.
    pub(crate) deadline_ms: i64,
}

/// The idempotency key of the next call of a step. An answer that was of no use lies under its key, so asking again
/// takes another.
pub(crate) fn key(run: ResponseId, number: u32, step: Option<&Step>) -> String {
    match step.map_or(0, |step| step.n_useless) {
        0 => format!("{run}:{number}"),
        n_useless => format!("{run}:{number}:{n_useless}"),
    }
}

/// Why a turn is not taken to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The run is to do nothing more.
    Halted,
    /// The next owner goes on with it.
    Left,
}

/// What came of listening to the model.
enum Heard {
    /// The turn is whole, and journaled.
    Whole,
    Failed(Failed),
    Stopped(Stop),
}

impl Turn<'_> {
    /// Takes the turn, or stops in its middle, between two appends, when `stop` ends. A failure of the model is journaled
    /// and is no error of this.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub(crate) async fn take(
        &self,
        request: ChatRequest,
        journal: &mut JournalWriter,
        again: bool,
        stop: impl Future<Output = Stop>,
    ) -> Result<Option<Stop>, Error> {
        let mut stop = std::pin::pin!(stop);
        let key = key(self.run, self.step, journal.state().steps.last().filter(|_| again));
        if !again {
            journal.write(vec![Event::ModelRequested { step: self.step, key: key.clone() }]).await?;
        }
        let options = CallOptions { run: Some(self.run.to_string()), idempotency_key: Some(key.clone()) };
        let opened = tokio::select! {
            opened = self.models.open_chat(self.caller, request, &options) => opened,
            stopped = &mut stop => return Ok(Some(stopped)),
        };
        let heard = match opened {
            Ok(opened) => self.listen(journal, key, opened, stop).await?,
            Err(error) => Heard::Failed(Failed { error, usage: None }),
        };
        match heard {
            Heard::Whole => Ok(None),
            Heard::Stopped(stopped) => Ok(Some(stopped)),
            Heard::Failed(failed) => journal.write(self.failure(journal, failed)).await.map(|()| None),
        }
    }

    async fn listen(
        &self,
        journal: &mut JournalWriter,
        key: String,
        opened: Opened<impl Stream<Item = Result<ChatChunk, CallError>>>,
        mut stop: std::pin::Pin<&mut impl Future<Output = Stop>>,
    ) -> Result<Heard, Error> {
        let mut words = Words::after(journal.state().steps.last().map(|step| step.text.clone()).unwrap_or_default());
        let mut assembly = Assembly::default();
        let mut model = String::new();
        let mut flush_at = Instant::now();
        let Opened { deployment, chunks } = opened;
        let mut chunks = std::pin::pin!(chunks);
        loop {
            let chunk = tokio::select! {
                chunk = chunks.next() => chunk,
                () = sleep_until(flush_at), if words.is_waiting() => {
                    self.flush(journal, &key, &mut words, Vec::new()).await?;
                    flush_at = Instant::now() + FLUSH_AFTER;
                    continue;
                }
                stopped = &mut stop => {
                    self.flush(journal, &key, &mut words, Vec::new()).await?;
                    return Ok(Heard::Stopped(stopped));
                }
            };
            match chunk {
                None => break,
                Some(Err(error)) => {
                    self.flush(journal, &key, &mut words, Vec::new()).await?;
                    return Ok(Heard::Failed(Failed { error, usage: None }));
                }
                Some(Ok(chunk)) => {
                    if model.is_empty() {
                        model.clone_from(&chunk.model);
                    }
                    let said = assembly.text().len();
                    assembly.push(&chunk);
                    words.push(&assembly.text()[said..]);
                    if words.n_waiting() >= FLUSH_CHARS {
                        self.flush(journal, &key, &mut words, Vec::new()).await?;
                        flush_at = Instant::now() + FLUSH_AFTER;
                    }
                }
            }
        }
        let usage = outcome::used(&assembly);
        if let Some(error) = outcome::flaw(&assembly) {
            self.flush(journal, &key, &mut words, Vec::new()).await?;
            return Ok(Heard::Failed(Failed { error, usage: Some(usage) }));
        }
        let maker = deployment.split_once('/').map_or(deployment.as_str(), |(provider, _)| provider);
        let thinking = assembly.thinking(maker);
        let thinking = if thinking.is_empty() { None } else { Some(journal.spill_thinking(thinking).await?) };
        let completed = Event::ModelCompleted {
            step: self.step,
            calls: outcome::calls(&assembly, self.step, self.tools),
            usage,
            model,
            finish: assembly.finish_reason().map(str::to_owned),
            thinking,
        };
        words.finish();
        self.flush(journal, &key, &mut words, vec![completed]).await?;
        Ok(Heard::Whole)
    }

    async fn flush(
        &self,
        journal: &mut JournalWriter,
        key: &str,
        words: &mut Words,
        then: Vec<Event>,
    ) -> Result<(), Error> {
        let mut events = Vec::with_capacity(then.len() + 2);
        let (restarted, text) = words.take();
        if restarted {
            events.push(Event::ModelRestarted { step: self.step, key: key.to_owned() });
        }
        if !text.is_empty() {
            events.push(Event::TextDelta { step: self.step, text });
        }
        events.extend(then);
        if events.is_empty() { Ok(()) } else { journal.write(events).await }
    }

    /// The events that say why it failed, and for how long nothing happens now.
    fn failure(&self, journal: &JournalWriter, failed: Failed) -> Vec<Event> {
        let Failed { error, usage } = failed;
        let (step, now_ms) = (journal.state().steps.last(), journal.now_ms());
        let past = Past {
            n_failures: step.map_or(0, |step| step.n_failures),
            n_waits: step.map_or(0, |step| step.n_waits),
            max_failures: self.max_retries,
            now_ms,
            deadline_ms: self.deadline_ms,
        };
        let Retry { at_ms, waits } = retry(&error, past);
        let (code, message) = (error.code, error.detail);
        let told = at_ms.filter(|at_ms| at_ms - now_ms >= MIN_TOLD_MS);
        let told = told.map(|until_ms| Event::RunWaits { until_ms, code: code.clone(), message: message.clone() });
        let failed = Event::ModelFailed { step: self.step, code, message, retry_at_ms: at_ms, waits, usage };
        std::iter::once(failed).chain(told).collect()
    }
}

/// Why a turn came to nothing.
struct Failed {
    error: CallError,
    /// What it used, when it did answer and the answer is of no use.
    usage: Option<Usage>,
}
