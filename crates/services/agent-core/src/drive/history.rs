//! Reads the runs of a conversation before the one that is driven.

use std::collections::BTreeMap;

use septet_kernel::ResponseId;

use super::journal::{load_spilled, load_thinking};
use super::ports::Ports;
use crate::context::Past;
use crate::error::Error;
use crate::run::event::Event;
use crate::run::state::State;

/// How many earlier runs of a conversation the model is shown.
const MAX_HISTORY: usize = 12;

/// What was asked and answered before, oldest first, along the chain of `previous`.
pub(super) async fn history(ports: &Ports, previous: Option<ResponseId>) -> Result<Vec<Past>, Error> {
    let mut history = Vec::new();
    let mut next = previous;
    while let Some(id) = next.filter(|_| history.len() < MAX_HISTORY) {
        let journal = ports.store.journal(id, 0).await?;
        // A run that was deleted in the middle of a conversation ends what can be remembered.
        let Some(Event::RunCreated(created)) = journal.first().map(|recorded| &recorded.event) else { break };
        next = created.previous;
        let (mut spilled, mut thinking) = (BTreeMap::new(), BTreeMap::new());
        load_spilled(&ports.blobs, &journal, &mut spilled).await?;
        load_thinking(&ports.blobs, &journal, &mut thinking).await?;
        history.push(Past { state: State::fold(&journal, &spilled), thinking });
    }
    history.reverse();
    Ok(history)
}
