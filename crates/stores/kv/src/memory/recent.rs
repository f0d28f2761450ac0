//! The holds that were settled a moment ago.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use crate::hold::{SETTLED_KEPT, ms};

/// Bounds the memory at any rate of calls: two such sets are two megabytes.
const MOST: usize = 32_768;

/// Ids in two generations; the older one is dropped as a whole, so forgetting costs nothing.
#[derive(Debug, Default)]
pub(super) struct Recent {
    young: HashSet<Mark>,
    old: HashSet<Mark>,
    turns_at_ms: i64,
    keys: [RandomState; 2],
}

/// An id as 128 bits with secret keys: a quarter of the memory, and no two are the same in the life of a process.
type Mark = [u64; 2];

impl Recent {
    pub(super) fn insert(&mut self, id: &str, now_ms: i64) {
        if self.young.len() >= MOST {
            self.turn(now_ms);
        }
        self.young.insert(self.mark(id));
    }

    pub(super) fn contains(&self, id: &str) -> bool {
        let mark = self.mark(id);
        self.young.contains(&mark) || self.old.contains(&mark)
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

    fn mark(&self, id: &str) -> Mark {
        self.keys.each_ref().map(|key| key.hash_one(id))
    }
}
