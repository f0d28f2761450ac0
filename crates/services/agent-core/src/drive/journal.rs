//! Writes the journal of one run, for the one process that owns it.

use std::collections::BTreeMap;

use septet_blobs::Blobs;
use septet_contracts::models::Thinking;
use septet_kernel::{BlobId, Clock, ResponseId};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::feed::Feed;
use crate::error::Error;
use crate::run::event::{Event, Recorded, Spilled};
use crate::run::output::ToolOutput;
use crate::run::state::State;
use crate::store::Store;

/// Outputs and thinking beyond this many bytes of JSON go to the blob store.
const SPILL_BYTES: usize = 16 << 10;

/// Appends to the journal of a run. Whoever holds it has the run's lease; when that was lost, every append fails.
pub(crate) struct JournalWriter {
    store: Store,
    blobs: Blobs,
    feed: Feed,
    clock: Clock,
    run: ResponseId,
    epoch: i64,
    state: State,
    spilled: BTreeMap<String, ToolOutput>,
    thinking: BTreeMap<String, Thinking>,
}

impl JournalWriter {
    /// Reads the journal so far, to go on with it.
    pub(crate) async fn take_up(
        store: Store,
        blobs: Blobs,
        feed: Feed,
        clock: Clock,
        run: ResponseId,
        epoch: i64,
    ) -> Result<Self, Error> {
        let journal = store.journal(run, 0).await?;
        let mut spilled = BTreeMap::new();
        load_spilled(&blobs, &journal, &mut spilled).await?;
        let mut thinking = BTreeMap::new();
        load_thinking(&blobs, &journal, &mut thinking).await?;
        let state = State::fold(&journal, &spilled);
        Ok(Self { store, blobs, feed, clock, run, epoch, state, spilled, thinking })
    }

    /// The thinking of the run that lies in the blob store, by blob.
    pub(crate) fn thinking(&self) -> &BTreeMap<String, Thinking> {
        &self.thinking
    }

    /// The run as the journal tells it.
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    /// The present moment in milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Writes events: durable when this returns, and only then visible to anyone.
    ///
    /// # Errors
    /// [`Error::Fenced`] when another process owns the run by now.
    pub(crate) async fn write(&mut self, events: Vec<Event>) -> Result<(), Error> {
        let at_ms = self.clock.now_ms();
        let recorded: Vec<Recorded> =
            events.into_iter().zip(self.state.next_seq..).map(|(event, seq)| Recorded { seq, at_ms, event }).collect();
        self.store.append(self.run, self.epoch, &recorded).await?;
        for one in &recorded {
            self.state.apply(one, &self.spilled);
        }
        self.feed.grown(self.run, self.state.next_seq);
        Ok(())
    }

    /// Writes the one output of a call.
    ///
    /// # Errors
    /// As [`JournalWriter::write`], and when the blob store fails.
    pub(crate) async fn finish_call(&mut self, id: &str, output: ToolOutput) -> Result<(), Error> {
        let output = self.spill(output).await?;
        self.write(vec![Event::ToolFinished { call_id: id.to_owned(), output }]).await
    }

    /// The output of a tool as the journal holds it: here, or in the blob store when it is large.
    async fn spill(&mut self, output: ToolOutput) -> Result<Spilled<ToolOutput>, Error> {
        let Some(id) = store_large(&self.blobs, "tool output", &output).await? else {
            return Ok(Spilled::Here(Box::new(output)));
        };
        self.spilled.insert(id.to_string(), output);
        Ok(Spilled::Blob(id))
    }

    /// The thinking of a model in the same way.
    ///
    /// # Errors
    /// When the blob store fails.
    pub(crate) async fn spill_thinking(&mut self, thinking: Thinking) -> Result<Spilled<Thinking>, Error> {
        let Some(id) = store_large(&self.blobs, "thinking", &thinking).await? else {
            return Ok(Spilled::Here(Box::new(thinking)));
        };
        self.thinking.insert(id.to_string(), thinking);
        Ok(Spilled::Blob(id))
    }
}

/// Puts a value into the blob store when it is large.
async fn store_large(blobs: &Blobs, what: &'static str, value: &impl Serialize) -> Result<Option<BlobId>, Error> {
    let json = serde_json::to_vec(value).map_err(|source| Error::Garbled { what, source })?;
    if json.len() <= SPILL_BYTES { Ok(None) } else { Ok(Some(blobs.put(json).await?.id)) }
}

/// Reads a value from the blob store; nothing when it is gone.
async fn read_large<T: DeserializeOwned>(blobs: &Blobs, what: &'static str, id: &BlobId) -> Result<Option<T>, Error> {
    let json = match blobs.read(id).await {
        Ok(json) => json,
        Err(septet_blobs::Error::NotFound(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    serde_json::from_slice(&json).map(Some).map_err(|source| Error::Garbled { what, source })
}

/// Reads the outputs that some events have in the blob store.
pub(crate) async fn load_spilled(
    blobs: &Blobs,
    journal: &[Recorded],
    into: &mut BTreeMap<String, ToolOutput>,
) -> Result<(), Error> {
    for recorded in journal {
        let Event::ToolFinished { output: Spilled::Blob(id), .. } = &recorded.event else { continue };
        if into.contains_key(id.as_str()) {
            continue;
        }
        // Where it is gone, the fold says so in the output itself.
        if let Some(output) = read_large(blobs, "tool output", id).await? {
            into.insert(id.to_string(), output);
        }
    }
    Ok(())
}

/// Reads the thinking that some events have in the blob store.
pub(crate) async fn load_thinking(
    blobs: &Blobs,
    journal: &[Recorded],
    into: &mut BTreeMap<String, Thinking>,
) -> Result<(), Error> {
    for recorded in journal {
        let Event::ModelCompleted { thinking: Some(Spilled::Blob(id)), .. } = &recorded.event else { continue };
        if let Some(thinking) = read_large(blobs, "thinking", id).await? {
            into.insert(id.to_string(), thinking);
        }
    }
    Ok(())
}
