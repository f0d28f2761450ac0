//! Which pairs of host user ids are free: every sandbox that is alive has one of its own.
//!
//! What the kernel counts or allows per user (processes, signals that wait, buffers of pipes) is then counted or allowed
//! per sandbox. Given out here and not by a warden, because two wardens live at a time while one takes over.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use crate::driver::Error;

/// Cheap to clone.
#[derive(Clone)]
pub(super) struct Pairs {
    free: Arc<Mutex<VecDeque<u32>>>,
    n_all: u32,
}

/// Given back when dropped.
pub(super) struct Pair {
    number: u32,
    free: Arc<Mutex<VecDeque<u32>>>,
}

impl Pairs {
    pub(super) fn new(n_all: u32) -> Self {
        Self { free: Arc::new(Mutex::new((0..n_all).collect())), n_all }
    }

    /// One that nobody has, the one that has been free longest: a sandbox that is being killed may live for some
    /// milliseconds after it has given its pair back.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when all are taken.
    pub(super) fn take(&self) -> Result<Pair, Error> {
        let number = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let full = || Error::Unavailable(format!("all {} sandboxes are in use; raise sandbox.n_slots", self.n_all));
        Ok(Pair { number: number.ok_or_else(full)?, free: Arc::clone(&self.free) })
    }
}

impl Pair {
    pub(super) fn number(&self) -> u32 {
        self.number
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push_back(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::Pairs;

    #[test]
    fn a_pair_is_given_once_and_comes_back() {
        let pairs = Pairs::new(2);
        let (one, two) = (pairs.take().unwrap(), pairs.take().unwrap());
        assert_ne!(one.number(), two.number());
        assert!(pairs.take().is_err_and(|error| error.to_string().contains("sandbox.n_slots")));
        let first = one.number();
        drop(one);
        assert_eq!(pairs.take().unwrap().number(), first);
    }
}
