//! Counting what no provider said.

use super::Calls;
use super::progress::CallProgress;
use crate::call::{ModelCall, Work};
use crate::deployment::{Backend, Deployment};
use crate::meter::{Estimate, Uncounted};
use crate::tokens;

impl Calls {
    /// Counts everything for an answer that comes to its end, where the provider said nothing.
    pub(super) async fn estimate_unsaid(&self, call: &ModelCall, deployment: &Deployment, progress: &mut CallProgress) {
        if progress.meter.figures().is_none() {
            self.estimate(call, deployment, progress).await;
        }
    }

    /// Counts what the provider did not say, where anything is left to count.
    pub(super) async fn estimate(&self, call: &ModelCall, deployment: &Deployment, progress: &mut CallProgress) {
        let Some(Uncounted { heard, wants_input }) = progress.meter.uncounted(progress.is_complete) else { return };
        let work = wants_input.then(|| call.work.clone());
        let n_tokens: fn(&str) -> u64 = match &deployment.backend {
            // The analyst costs nothing, and most users of it have no model: the vocabulary is not unpacked for it.
            Backend::Offline => tokens::guessed,
            Backend::Remote(_) | Backend::Local { .. } => tokens::counted,
        };
        let count =
            move || Estimate { input: work.as_ref().map_or(0, |work| input(work, n_tokens)), output: n_tokens(&heard) };
        // A request may be megabytes of text, which must not block other requests.
        progress.meter.counted(self.cpu.run(count).await.unwrap_or_default());
    }
}

fn input(work: &Work, n_tokens: fn(&str) -> u64) -> u64 {
    match work {
        Work::Chat(asked) => asked.input_tokens(n_tokens),
        Work::Embed(body) | Work::Rerank(body) => n_tokens(&body.value.to_string()),
    }
}
