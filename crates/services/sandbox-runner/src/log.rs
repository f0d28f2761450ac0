//! The events of one execution: written once, followed by any number of readers, from the first one on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::Stream;
use septet_contracts::sandbox::ExecutionEvent;
use tokio::sync::watch;

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct Log {
    events: Arc<Mutex<Vec<ExecutionEvent>>>,
    n_events: watch::Sender<usize>,
}

impl Log {
    pub(crate) fn new() -> Self {
        Self { events: Arc::default(), n_events: watch::Sender::new(0) }
    }

    pub(crate) fn add(&self, event: ExecutionEvent) {
        let n = {
            let mut events = self.events();
            events.push(event);
            events.len()
        };
        self.n_events.send_replace(n);
    }

    pub(crate) fn all(&self) -> Vec<ExecutionEvent> {
        self.events().clone()
    }

    /// Everything from the first event to [`ExecutionEvent::Done`], as it comes. Ends early when the writer is gone.
    pub(crate) fn follow(&self) -> impl Stream<Item = ExecutionEvent> + Send + use<> {
        let events = Arc::clone(&self.events);
        let mut n_events = self.n_events.subscribe();
        async_stream::stream! {
            let mut n_told = 0;
            loop {
                n_events.mark_unchanged();
                let fresh: Vec<ExecutionEvent> = {
                    let events = events.lock().unwrap_or_else(PoisonError::into_inner);
                    events.get(n_told..).map(<[_]>::to_vec).unwrap_or_default()
                };
                n_told += fresh.len();
                for event in fresh {
                    let is_last = matches!(event, ExecutionEvent::Done { .. });
                    yield event;
                    if is_last { return }
                }
                if n_events.changed().await.is_err() { return }
            }
        }
    }

    fn events(&self) -> MutexGuard<'_, Vec<ExecutionEvent>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::StreamExt;

    #[tokio::test]
    async fn a_late_reader_misses_nothing() {
        let log = Log::new();
        log.add(ExecutionEvent::Stdout { text: "a".into() });
        let reader = log.follow();
        log.add(ExecutionEvent::Stdout { text: "b".into() });
        drop(log);

        assert_eq!(reader.count().await, 2);
    }
}
