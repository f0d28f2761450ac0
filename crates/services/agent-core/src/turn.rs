//! One turn of the model: asks, journals the words as they come, ends with the calls that it wants.

use std::time::Duration;

use futures::{Stream, StreamExt};
use septet_contracts::call::CallError;
use septet_contracts::models::{Assembly, CallOptions, ChatChunk, ChatRequest, Models};
use septet_kernel::{Caller, ResponseId};
use tokio::time::{Instant, sleep_until};

use crate::error::Error;
use crate::pen::Pen;
use crate::run::event::{Event, ToolCall, Usage};

// Words are journaled in groups: often enough for the eye, seldom enough for the disk.
const FLUSH_AFTER: Duration = Duration::from_millis(40);
const FLUSH_CHARS: usize = 240;

/// The turn to take.
pub(crate) struct Turn<'a> {
    pub(crate) models: &'a Models,
    pub(crate) caller: &'a Caller,
    pub(crate) run: ResponseId,
    pub(crate) step: u32,
    pub(crate) request: ChatRequest,
    pub(crate) max_retries: u32,
}

impl Turn<'_> {
    /// Takes the turn. A failure of the model is journaled and is no error of this.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub(crate) async fn take(&self, pen: &mut Pen, again: bool) -> Result<(), Error> {
        let key = format!("{}:{}", self.run, self.step);
        if !again {
            pen.write(vec![Event::ModelRequested { step: self.step, key: key.clone() }]).await?;
        }
        let options = CallOptions { run: Some(self.run.to_string()), idempotency_key: Some(key.clone()) };
        let result = match self.models.chat_stream(self.caller, &self.request, &options).await {
            Ok(chunks) => self.listen(pen, key, chunks).await?,
            Err(error) => Err(error),
        };
        match result {
            Ok(()) => Ok(()),
            Err(error) => pen.write(vec![self.failure(pen, &error)]).await,
        }
    }

    async fn listen(
        &self,
        pen: &mut Pen,
        key: String,
        chunks: impl Stream<Item = Result<ChatChunk, CallError>>,
    ) -> Result<Result<(), CallError>, Error> {
        let mut words = Words::after(pen.state().steps.last().map(|step| step.text.clone()).unwrap_or_default());
        let mut assembly = Assembly::default();
        let mut model = String::new();
        let mut flush_at = Instant::now();
        let mut chunks = std::pin::pin!(chunks);
        loop {
            let chunk = tokio::select! {
                chunk = chunks.next() => chunk,
                () = sleep_until(flush_at), if words.is_waiting() => {
                    self.flush(pen, &key, &mut words, Vec::new()).await?;
                    flush_at = Instant::now() + FLUSH_AFTER;
                    continue;
                }
            };
            match chunk {
                None => break,
                Some(Err(error)) => {
                    self.flush(pen, &key, &mut words, Vec::new()).await?;
                    return Ok(Err(error));
                }
                Some(Ok(chunk)) => {
                    if model.is_empty() {
                        model.clone_from(&chunk.model);
                    }
                    let said = assembly.text().len();
                    assembly.push(&chunk);
                    words.push(&assembly.text()[said..]);
                    if words.n_waiting() >= FLUSH_CHARS {
                        self.flush(pen, &key, &mut words, Vec::new()).await?;
                        flush_at = Instant::now() + FLUSH_AFTER;
                    }
                }
            }
        }
        let usage = used(&assembly);
        let calls = assembly
            .message()
            .tool_calls
            .into_iter()
            .enumerate()
            .map(|(number, call)| ToolCall {
                // Some local servers give no id, or the same one twice; ours must tell the calls apart.
                id: format!("call_{}_{number}", self.step),
                name: call.function.name,
                arguments: call.function.arguments,
            })
            .collect();
        let completed = Event::ModelCompleted { step: self.step, calls, usage, model };
        words.finish();
        self.flush(pen, &key, &mut words, vec![completed]).await?;
        Ok(Ok(()))
    }

    async fn flush(&self, pen: &mut Pen, key: &str, words: &mut Words, then: Vec<Event>) -> Result<(), Error> {
        let mut events = Vec::with_capacity(then.len() + 2);
        let (restarted, text) = words.take();
        if restarted {
            events.push(Event::ModelRestarted { step: self.step, key: key.to_owned() });
        }
        if !text.is_empty() {
            events.push(Event::TextDelta { step: self.step, text });
        }
        events.extend(then);
        if events.is_empty() { Ok(()) } else { pen.write(events).await }
    }

    fn failure(&self, pen: &Pen, error: &CallError) -> Event {
        let n_failures = pen.state().steps.last().map_or(0, |step| step.n_failures);
        let may_retry = error.kind.is_transient() && n_failures < self.max_retries;
        // Half a second, then two: long enough for a provider to recover, short enough for a person to wait.
        let wait_s = error
            .retry_after_s
            .map_or_else(|| 0.5 * 4_f64.powi(i32::try_from(n_failures).unwrap_or(3)), |s| s.min(30) as f64);
        #[expect(clippy::cast_possible_truncation, reason = "at most 30 000")]
        let retry_at_ms = may_retry.then(|| pen.now_ms() + (wait_s * 1000.0) as i64);
        Event::ModelFailed { step: self.step, code: error.code.clone(), message: error.detail.clone(), retry_at_ms }
    }
}

fn used(assembly: &Assembly) -> Usage {
    let Some(usage) = assembly.usage() else { return Usage::default() };
    Usage {
        input_tokens: usage.prompt_tokens,
        cached_tokens: usage.prompt_tokens_details.as_ref().map_or(0, |details| details.cached_tokens),
        output_tokens: usage.completion_tokens,
        cost_nano: usage.extra.get("septet_cost_nano").and_then(serde_json::Value::as_i64).unwrap_or(0),
    }
}

/// The words of a turn that may have been begun before.
///
/// After a crash the same call gives the same words again, and those that are journaled already are skipped. When it
/// gives other words, the earlier ones are void and the turn starts over.
struct Words {
    journaled: String,
    waiting: String,
    restarted: bool,
}

impl Words {
    fn after(journaled: String) -> Self {
        Self { journaled, waiting: String::new(), restarted: false }
    }

    fn push(&mut self, text: &str) {
        self.waiting.push_str(text);
        if self.journaled.is_empty() {
            return;
        }
        if let Some(rest) = self.waiting.strip_prefix(self.journaled.as_str()) {
            self.waiting = rest.to_owned();
            self.journaled.clear();
        } else if !self.journaled.starts_with(self.waiting.as_str()) {
            self.journaled.clear();
            self.restarted = true;
        }
    }

    /// The turn is over: words that were expected again and did not come are void.
    fn finish(&mut self) {
        if !self.journaled.is_empty() {
            self.journaled.clear();
            self.restarted = true;
        }
    }

    fn n_waiting(&self) -> usize {
        if self.journaled.is_empty() { self.waiting.len() } else { 0 }
    }

    fn is_waiting(&self) -> bool {
        self.n_waiting() > 0
    }

    fn take(&mut self) -> (bool, String) {
        if !self.journaled.is_empty() {
            return (false, String::new());
        }
        (std::mem::take(&mut self.restarted), std::mem::take(&mut self.waiting))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replay(journaled: &str, pieces: &[&str]) -> (bool, String) {
        let mut words = Words::after(journaled.to_owned());
        let (mut restarted, mut text) = (false, String::new());
        for piece in pieces {
            words.push(piece);
            let (again, new) = words.take();
            restarted |= again;
            text.push_str(&new);
        }
        words.finish();
        let (again, new) = words.take();
        (restarted || again, text + &new)
    }

    #[test]
    fn words_that_are_journaled_are_not_said_twice() {
        assert_eq!(replay("", &["ab", "c"]), (false, "abc".to_owned()));
        assert_eq!(replay("abc", &["a", "bcd", "e"]), (false, "de".to_owned()));
        assert_eq!(replay("abc", &["abc"]), (false, String::new()));
    }

    #[test]
    fn other_words_start_the_turn_over() {
        assert_eq!(replay("abc", &["ab", "x", "y"]), (true, "abxy".to_owned()));
        assert_eq!(replay("abc", &["ab"]), (true, "ab".to_owned()));
    }
}
