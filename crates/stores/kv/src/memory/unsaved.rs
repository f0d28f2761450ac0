//! Which counters have changed since they were last written to disk.

use std::collections::HashSet;
use std::sync::Arc;

use crate::limit::What;
use crate::window::Span;

/// Names a counter.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Name {
    pub(super) scope: Arc<str>,
    pub(super) what: What,
    pub(super) span: Span,
}

/// What is to be written. A write may fail, or be given up half-way: until it is confirmed nothing is taken off.
#[derive(Debug, Default)]
pub(super) struct Unsaved {
    changed: HashSet<Name>,
    /// Part of a write that is not confirmed.
    in_flight: HashSet<Name>,
    corrections: Vec<String>,
    corrections_in_flight: Vec<String>,
    /// Grows with every change.
    version: u64,
    /// Every change up to here is on disk.
    saved: u64,
}

impl Unsaved {
    pub(super) fn changed(&mut self, name: Name) {
        self.version += 1;
        self.changed.insert(name);
    }

    pub(super) fn corrected(&mut self, id: String) {
        self.version += 1;
        self.corrections.push(id);
    }

    pub(super) fn version(&self) -> u64 {
        self.version
    }

    pub(super) fn is_saved(&self, version: u64) -> bool {
        self.saved >= version
    }

    pub(super) fn has(&self, name: &Name) -> bool {
        self.changed.contains(name) || self.in_flight.contains(name)
    }

    /// Begins a write of everything that changed, with what an earlier write did not confirm.
    pub(super) fn begin(&mut self) -> (u64, Vec<Name>, Vec<String>) {
        self.in_flight.extend(self.changed.drain());
        self.corrections_in_flight.append(&mut self.corrections);
        (self.version, self.in_flight.iter().cloned().collect(), self.corrections_in_flight.clone())
    }

    /// The write that [`Unsaved::begin`] began at `version` is on disk.
    pub(super) fn confirm(&mut self, version: u64) {
        self.in_flight.clear();
        self.corrections_in_flight.clear();
        self.saved = self.saved.max(version);
    }
}
