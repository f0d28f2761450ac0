//! Writes the journal of one run, for the one process that owns it.

use std::collections::BTreeMap;

use septet_blobs::Blobs;
use septet_kernel::{Clock, ResponseId};

use crate::error::Error;
use crate::feed::Feed;
use crate::run::event::{Event, Recorded, Spilled, ToolOutput};
use crate::run::state::State;
use crate::store::Store;

/// Outputs beyond this many bytes of JSON go to the blob store.
const SPILL_BYTES: usize = 16 << 10;

/// The pen of a run. Whoever holds it has the run's lease; when it was lost, every stroke fails.
pub(crate) struct Pen {
    store: Store,
    blobs: Blobs,
    feed: Feed,
    clock: Clock,
    run: ResponseId,
    epoch: i64,
    state: State,
    spilled: BTreeMap<String, ToolOutput>,
}

impl Pen {
    /// Reads the journal so far and takes the pen up.
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
        let state = State::fold(&journal, &spilled);
        Ok(Self { store, blobs, feed, clock, run, epoch, state, spilled })
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

    /// The output of a tool as the journal holds it: here, or in the blob store when it is large.
    ///
    /// # Errors
    /// When the blob store fails.
    pub(crate) async fn spill(&mut self, output: ToolOutput) -> Result<Spilled<ToolOutput>, Error> {
        let json = serde_json::to_vec(&output).map_err(|source| Error::Garbled { what: "tool output", source })?;
        if json.len() <= SPILL_BYTES {
            return Ok(Spilled::Here(Box::new(output)));
        }
        let stored = self.blobs.put(json).await?;
        self.spilled.insert(stored.id.to_string(), output);
        Ok(Spilled::Blob(stored.id))
    }
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
        let json = match blobs.read(id).await {
            Ok(json) => json,
            // The fold says in the output itself that it is gone.
            Err(septet_blobs::Error::NotFound(_)) => continue,
            Err(error) => return Err(error.into()),
        };
        let output = serde_json::from_slice(&json).map_err(|source| Error::Garbled { what: "tool output", source })?;
        into.insert(id.to_string(), output);
    }
    Ok(())
}
