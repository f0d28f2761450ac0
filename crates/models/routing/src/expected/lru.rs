//! A map that forgets the key not used for longest.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

const NONE: u32 = u32::MAX;

/// Slots in one vector, linked by use: `newest` to `oldest`.
#[derive(Debug)]
pub(super) struct Lru<V> {
    capacity: usize,
    places: HashMap<u64, u32>,
    slots: Vec<Slot<V>>,
    newest: u32,
    oldest: u32,
}

#[derive(Debug)]
struct Slot<V> {
    key: u64,
    value: V,
    newer: u32,
    older: u32,
}

impl<V: Copy + Default> Lru<V> {
    pub(super) fn new(capacity: usize) -> Self {
        let capacity = capacity.clamp(1, NONE as usize - 1);
        Self { capacity, places: HashMap::new(), slots: Vec::new(), newest: NONE, oldest: NONE }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The value of `key`; makes it the newest.
    pub(super) fn get(&mut self, key: u64) -> Option<V> {
        let place = *self.places.get(&key)?;
        self.touch(place);
        Some(self.slots[place as usize].value)
    }

    /// The value of `key`, a default one when it is new; makes it the newest and forgets the oldest when full.
    pub(super) fn entry(&mut self, key: u64) -> &mut V {
        let place = match self.places.entry(key) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) if self.slots.len() < self.capacity => {
                let place = u32::try_from(self.slots.len()).unwrap_or(NONE - 1);
                entry.insert(place);
                self.slots.push(Slot { key, value: V::default(), newer: NONE, older: self.newest });
                match self.newest {
                    NONE => self.oldest = place,
                    newest => self.slots[newest as usize].newer = place,
                }
                self.newest = place;
                place
            }
            Entry::Vacant(entry) => {
                let place = self.oldest;
                entry.insert(place);
                let slot = &mut self.slots[place as usize];
                let forgotten = std::mem::replace(&mut slot.key, key);
                slot.value = V::default();
                self.places.remove(&forgotten);
                place
            }
        };
        self.touch(place);
        &mut self.slots[place as usize].value
    }

    fn touch(&mut self, place: u32) {
        if place == self.newest {
            return;
        }
        let Slot { newer, older, .. } = self.slots[place as usize];
        // Not the newest, so there is a newer one.
        self.slots[newer as usize].older = older;
        match older {
            NONE => self.oldest = newer,
            older => self.slots[older as usize].newer = newer,
        }
        self.slots[self.newest as usize].newer = place;
        let slot = &mut self.slots[place as usize];
        slot.newer = NONE;
        slot.older = self.newest;
        self.newest = place;
    }
}
