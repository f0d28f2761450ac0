//! The holds that were settled a moment ago.

use std::collections::HashSet;
use std::sync::Arc;

use crate::hold::{SETTLED_KEPT, ms};

/// Bounds the memory at any rate of calls: two such sets are a few megabytes.
const MOST: usize = 32_768;

/// Ids in two generations; the older one is dropped as a whole, so forgetting costs nothing.
#[derive(Debug, Default)]
pub(super) struct Recent {
    young: HashSet<Arc<str>>,
    old: HashSet<Arc<str>>,
    turns_at_ms: i64,
}

impl Recent {
    pub(super) fn insert(&mut self, id: Arc<str>, now_ms: i64) {
        if self.young.len() >= MOST {
            self.turn(now_ms);
        }
        self.young.insert(id);
    }

    pub(super) fn contains(&self, id: &str) -> bool {
        self.young.contains(id) || self.old.contains(id)
    }

    /// Drops what is older than it has to be kept.
    pub(super) fn forget(&mut self, now_ms: i64) {
        if now_ms >= self.turns_at_ms {
            self.turn(now_ms);
        }
    }

    fn turn(&mut self, now_ms: i64) {
        self.old = std::mem::take(&mut self.young);
        self.turns_at_ms = now_ms + ms(SETTLED_KEPT);
    }
}
