//! Who is connected: so many in all, so many of one address.
//!
//! A connection that asks nothing is worth less than one that wants to: when all seats are taken, the one that has been
//! silent for longest has to go. Only when every connection is being served is a new one turned away.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use septet_kernel::{Failure, Kind};
use tokio_util::sync::CancellationToken;

use super::Listening;

/// The seats of one listener. Cheap to clone.
#[derive(Clone)]
pub(super) struct Seats {
    room: Arc<Mutex<Room>>,
    max: usize,
    max_per_address: usize,
    stalled_after: Duration,
    is_shared: Arc<dyn Fn(IpAddr) -> bool + Send + Sync>,
}

#[derive(Default)]
struct Room {
    next: u64,
    taken: HashMap<u64, Taken>,
    per_network: HashMap<Network, usize>,
}

struct Taken {
    network: Option<Network>,
    state: Arc<State>,
}

/// What counts as one address: one household has a /64 of IPv6 addresses to choose from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Network {
    V4(u32),
    V6(u64),
}

/// Why there is no seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Full {
    /// All seats of this address are busy.
    #[error("this address has too many connections; close some, or use them again")]
    Address,
    /// All seats are busy.
    #[error("there are too many connections; try again in a moment")]
    All,
}

impl Failure for Full {
    fn kind(&self) -> Kind {
        match self {
            Self::Address => Kind::Exhausted,
            Self::All => Kind::Unavailable,
        }
    }

    fn code(&self) -> &str {
        "too_many_connections"
    }

    fn retry_after_s(&self) -> Option<u64> {
        Some(1)
    }
}

/// A seat; dropped, it is free again.
pub(super) struct Seat {
    seats: Seats,
    id: u64,
    state: Arc<State>,
}

/// What a connection is doing.
pub(super) struct State {
    begun: Instant,
    n_asking: AtomicUsize,
    has_asked: AtomicBool,
    is_upgraded: AtomicBool,
    has_leftover: AtomicBool,
    /// Since when a body has been waited for, in milliseconds after `begun` and never 0; 0 when none is.
    waits_since_ms: AtomicU64,
    /// Since when nothing is asked, in milliseconds after `begun`.
    quiet_since_ms: AtomicU64,
    dismissed: CancellationToken,
}

/// A request that is being answered. It lasts until the last byte of the answer.
pub(super) struct Asking(Arc<State>);

impl Seats {
    pub(super) fn new(listening: &Listening, most: usize) -> Self {
        let max = listening.max_connections.min(most).max(2);
        // However few there are, a quarter is for others.
        let max_per_address = listening.max_per_address.min(max - max.div_ceil(4)).max(1);
        let stalled_after = listening.header_timeout;
        Self { room: Arc::default(), max, max_per_address, stalled_after, is_shared: listening.is_shared.clone() }
    }

    /// Takes a seat for a connection from `address`.
    ///
    /// # Errors
    /// When nobody can make room.
    pub(super) fn take(&self, address: IpAddr) -> Result<Seat, Full> {
        let address = address.to_canonical();
        let network = (!(self.is_shared)(address)).then(|| Network::of(address));
        let mut room = self.room.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(network) = network
            && room.per_network.get(&network).is_some_and(|n| *n >= self.max_per_address)
            && !room.dismiss_one(Some(network), self.stalled_after)
        {
            return Err(Full::Address);
        }
        if room.taken.len() >= self.max && !room.dismiss_one(None, self.stalled_after) {
            return Err(Full::All);
        }
        room.next += 1;
        let (id, state) = (room.next, Arc::new(State::new()));
        if let Some(network) = network {
            *room.per_network.entry(network).or_default() += 1;
        }
        room.taken.insert(id, Taken { network, state: Arc::clone(&state) });
        Ok(Seat { seats: self.clone(), id, state })
    }

    /// Sends somebody away who says nothing, if there is one.
    pub(super) fn make_room(&self) {
        self.room.lock().unwrap_or_else(PoisonError::into_inner).dismiss_one(None, self.stalled_after);
    }
}

impl Room {
    /// Sends away whoever has been silent longest; false when everybody is being served.
    fn dismiss_one(&mut self, network: Option<Network>, stalled_after: Duration) -> bool {
        let of_network = self.taken.iter().filter(|(_, taken)| network.is_none() || taken.network == network);
        let silent = of_network.filter_map(|(id, taken)| Some((taken.state.silence(stalled_after)?, *id)));
        let Some((_, id)) = silent.min() else { return false };
        if let Some(taken) = self.free(id) {
            taken.state.dismissed.cancel();
        }
        true
    }

    fn free(&mut self, id: u64) -> Option<Taken> {
        let taken = self.taken.remove(&id)?;
        if let Some(network) = taken.network
            && let Some(n) = self.per_network.get_mut(&network)
        {
            *n -= 1;
            if *n == 0 {
                self.per_network.remove(&network);
            }
        }
        Some(taken)
    }
}

impl Network {
    fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::V4(address.to_bits()),
            IpAddr::V6(address) => Self::V6((address.to_bits() >> 64) as u64),
        }
    }
}

impl Seat {
    pub(super) fn state(&self) -> Arc<State> {
        Arc::clone(&self.state)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        // It is free already when its connection was sent away.
        let _freed = self.seats.room.lock().unwrap_or_else(PoisonError::into_inner).free(self.id);
    }
}

impl State {
    fn new() -> Self {
        Self {
            begun: Instant::now(),
            n_asking: AtomicUsize::new(0),
            has_asked: AtomicBool::new(false),
            is_upgraded: AtomicBool::new(false),
            has_leftover: AtomicBool::new(false),
            waits_since_ms: AtomicU64::new(0),
            quiet_since_ms: AtomicU64::new(0),
            dismissed: CancellationToken::new(),
        }
    }

    /// How dispensable the connection is, the most dispensable first; nothing when it is being served. First go those
    /// that have never asked anything, then those between two requests, then those that have stopped in the middle of a
    /// body; of those alike whoever has been silent longest, in milliseconds.
    fn silence(&self, stalled_after: Duration) -> Option<(u8, Reverse<u64>)> {
        if self.is_upgraded.load(Ordering::Relaxed) {
            return None;
        }
        let for_ms = |since_ms: u64| self.age_ms().saturating_sub(since_ms);
        if self.n_asking.load(Ordering::Relaxed) == 0 {
            let rank = if self.has_asked() { 1 } else { 0 };
            return Some((rank, Reverse(for_ms(self.quiet_since_ms.load(Ordering::Relaxed)))));
        }
        let since_ms = self.waits_since_ms.load(Ordering::Relaxed);
        let stalled_ms = u64::try_from(stalled_after.as_millis()).unwrap_or(u64::MAX);
        (since_ms != 0 && for_ms(since_ms) >= stalled_ms).then(|| (2, Reverse(for_ms(since_ms))))
    }

    fn age_ms(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
    }

    /// A request is there.
    pub(super) fn ask(self: &Arc<Self>) -> Asking {
        self.has_asked.store(true, Ordering::Relaxed);
        self.n_asking.fetch_add(1, Ordering::Relaxed);
        Asking(Arc::clone(self))
    }

    /// Whether there was a request.
    pub(super) fn has_asked(&self) -> bool {
        self.has_asked.load(Ordering::Relaxed)
    }

    /// More of a body is waited for, or no longer.
    pub(super) fn waits_for_body(&self, does_wait: bool) {
        self.waits_since_ms.store(if does_wait { self.age_ms() } else { 0 }, Ordering::Relaxed);
    }

    /// It is a WebSocket now, which has rules of its own.
    pub(super) fn upgraded(&self) {
        self.is_upgraded.store(true, Ordering::Relaxed);
    }

    /// Bytes of the peer are left that nobody will read.
    pub(super) fn leave_over(&self) {
        self.has_leftover.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_leftover(&self) -> bool {
        self.has_leftover.load(Ordering::Relaxed)
    }

    /// When it has to make room for another one.
    pub(super) async fn dismissed(&self) {
        self.dismissed.cancelled().await;
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.quiet_since_ms.store(self.0.age_ms(), Ordering::Relaxed);
        self.0.n_asking.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The body of an answer; until its end the connection is being served.
pub(super) struct Telling {
    pub(super) body: Body,
    pub(super) _asking: Asking,
}

impl HttpBody for Telling {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seats(max: usize, max_per_address: usize) -> Seats {
        let shared: IpAddr = "10.0.0.1".parse().unwrap();
        let is_shared = Arc::new(move |address| address == shared);
        let listening = Listening { max_connections: max, max_per_address, is_shared, ..Listening::default() };
        Seats::new(&listening, usize::MAX)
    }

    fn at(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_address_leaves_room_for_others_and_a_shared_one_has_no_limit() {
        let seats = seats(8, 100);
        let busy = |from: &str| seats.take(at(from)).map(|seat| (seat.state().ask(), seat));

        let mut kept: Vec<_> = (0..6).map(|_| busy("192.0.2.1").ok().unwrap()).collect();
        assert_eq!(busy("::ffff:192.0.2.1").err(), Some(Full::Address));
        kept.push(busy("10.0.0.1").ok().unwrap());
        kept.push(busy("10.0.0.1").ok().unwrap());
        assert_eq!(busy("10.0.0.1").err(), Some(Full::All));
        kept.remove(0);
        assert!(busy("192.0.2.1").is_ok());
    }

    #[test]
    fn addresses_of_one_household_count_together() {
        let seats = seats(100, 1);
        let _one = seats.take(at("2001:db8::1")).map(|seat| (seat.state().ask(), seat)).ok().unwrap();

        assert_eq!(seats.take(at("2001:db8::2")).err(), Some(Full::Address));
        assert!(seats.take(at("2001:db8:0:1::2")).is_ok());
    }

    #[test]
    fn of_two_that_have_asked_the_one_that_was_silent_longer_makes_room() {
        let seats = seats(3, 100);
        let older = seats.take(at("192.0.2.1")).ok().unwrap();
        let newer = seats.take(at("192.0.2.2")).ok().unwrap();
        let _served = seats.take(at("192.0.2.3")).map(|seat| (seat.state().ask(), seat)).ok().unwrap();
        drop(newer.state().ask());
        std::thread::sleep(Duration::from_millis(20));
        drop(older.state().ask());

        let _next = seats.take(at("192.0.2.4")).ok().unwrap();

        assert!(newer.state.dismissed.is_cancelled() && !older.state.dismissed.is_cancelled());
    }

    #[test]
    fn whoever_has_asked_nothing_makes_room_first_and_who_is_served_never() {
        let seats = seats(3, 100);
        let served = seats.take(at("192.0.2.1")).ok().unwrap();
        let _asking = served.state().ask();
        let idle = seats.take(at("192.0.2.2")).ok().unwrap();
        drop(idle.state().ask());
        let silent = seats.take(at("192.0.2.3")).ok().unwrap();
        let is_sent_away = |seat: &Seat| seat.state.dismissed.is_cancelled();

        let next = seats.take(at("192.0.2.4")).ok().unwrap();
        let _next_asks = next.state().ask();
        assert!(is_sent_away(&silent) && !is_sent_away(&idle));
        let last = seats.take(at("192.0.2.5")).ok().unwrap();
        let _last_asks = last.state().ask();
        assert!(is_sent_away(&idle));
        assert_eq!(seats.take(at("192.0.2.6")).err(), Some(Full::All));
        assert!(!is_sent_away(&served));
        drop((silent, idle, next));
        assert!(seats.take(at("192.0.2.6")).is_ok(), "a seat is freed once");
    }
}
