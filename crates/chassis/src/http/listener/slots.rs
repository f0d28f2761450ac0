//! The limit on connections: so many in all, so many of one address.
//!
//! When all slots are taken, the connection that has been idle for longest is closed to make room for a new one. Only when
//! every connection is being served is a new one refused.

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

/// The slots of one listener. Cheap to clone.
#[derive(Clone)]
pub(super) struct ConnectionSlots {
    connections: Arc<Mutex<Connections>>,
    max: usize,
    max_per_address: usize,
    stalled_after: Duration,
    is_shared: Arc<dyn Fn(IpAddr) -> bool + Send + Sync>,
}

#[derive(Default)]
struct Connections {
    next: u64,
    open: HashMap<u64, OpenConnection>,
    per_network: HashMap<Network, usize>,
}

struct OpenConnection {
    network: Option<Network>,
    state: Arc<ConnectionState>,
}

/// What counts as one address: one household has a /64 of IPv6 addresses to choose from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Network {
    V4(u32),
    V6(u64),
}

/// Why there is no slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Full {
    /// All slots of this address are busy.
    #[error("this address has too many connections; close some, or use them again")]
    Address,
    /// All slots are busy.
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

/// A slot; dropped, it is free again.
pub(super) struct ConnectionSlot {
    slots: ConnectionSlots,
    id: u64,
    state: Arc<ConnectionState>,
}

/// What a connection is doing.
pub(super) struct ConnectionState {
    begun: Instant,
    n_active: AtomicUsize,
    has_requested: AtomicBool,
    is_upgraded: AtomicBool,
    has_leftover: AtomicBool,
    /// Since when a body has been waited for, in milliseconds after `begun` and never 0; 0 when none is.
    waits_since_ms: AtomicU64,
    /// Since when nothing is asked, in milliseconds after `begun`.
    quiet_since_ms: AtomicU64,
    dismissed: CancellationToken,
}

/// A request that is being answered. It lasts until the last byte of the answer.
pub(super) struct ActiveRequest(Arc<ConnectionState>);

impl ConnectionSlots {
    pub(super) fn new(listening: &Listening, most: usize) -> Self {
        let max = listening.max_connections.min(most).max(2);
        // However few there are, a quarter is for others.
        let max_per_address = listening.max_per_address.min(max - max.div_ceil(4)).max(1);
        let stalled_after = listening.header_timeout;
        Self {
            connections: Arc::default(),
            max,
            max_per_address,
            stalled_after,
            is_shared: listening.is_shared.clone(),
        }
    }

    /// Takes a slot for a connection from `address`.
    ///
    /// # Errors
    /// When every connection that counts is being served.
    pub(super) fn take(&self, address: IpAddr) -> Result<ConnectionSlot, Full> {
        let address = address.to_canonical();
        let network = (!(self.is_shared)(address)).then(|| Network::of(address));
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(network) = network
            && connections.per_network.get(&network).is_some_and(|n| *n >= self.max_per_address)
            && !connections.dismiss_one(Some(network), self.stalled_after)
        {
            return Err(Full::Address);
        }
        if connections.open.len() >= self.max && !connections.dismiss_one(None, self.stalled_after) {
            return Err(Full::All);
        }
        connections.next += 1;
        let (id, state) = (connections.next, Arc::new(ConnectionState::new()));
        if let Some(network) = network {
            *connections.per_network.entry(network).or_default() += 1;
        }
        connections.open.insert(id, OpenConnection { network, state: Arc::clone(&state) });
        Ok(ConnectionSlot { slots: self.clone(), id, state })
    }

    /// Closes an idle connection, if there is one.
    pub(super) fn make_room(&self) {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner).dismiss_one(None, self.stalled_after);
    }
}

impl Connections {
    /// Closes the connection that has been idle for longest; false when every one is being served.
    fn dismiss_one(&mut self, network: Option<Network>, stalled_after: Duration) -> bool {
        let of_network = self.open.iter().filter(|(_, open)| network.is_none() || open.network == network);
        let silent = of_network.filter_map(|(id, open)| Some((open.state.silence(stalled_after)?, *id)));
        let Some((_, id)) = silent.min() else { return false };
        if let Some(open) = self.free(id) {
            open.state.dismissed.cancel();
        }
        true
    }

    fn free(&mut self, id: u64) -> Option<OpenConnection> {
        let open = self.open.remove(&id)?;
        if let Some(network) = open.network
            && let Some(n) = self.per_network.get_mut(&network)
        {
            *n -= 1;
            if *n == 0 {
                self.per_network.remove(&network);
            }
        }
        Some(open)
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

impl ConnectionSlot {
    pub(super) fn state(&self) -> Arc<ConnectionState> {
        Arc::clone(&self.state)
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        // It is free already when its connection was closed to make room.
        let _freed = self.slots.connections.lock().unwrap_or_else(PoisonError::into_inner).free(self.id);
    }
}

impl ConnectionState {
    fn new() -> Self {
        Self {
            begun: Instant::now(),
            n_active: AtomicUsize::new(0),
            has_requested: AtomicBool::new(false),
            is_upgraded: AtomicBool::new(false),
            has_leftover: AtomicBool::new(false),
            waits_since_ms: AtomicU64::new(0),
            quiet_since_ms: AtomicU64::new(0),
            dismissed: CancellationToken::new(),
        }
    }

    /// The order in which connections are closed to make room; nothing when this one is being served. First those that
    /// never sent a request, then those between two requests, then those that stalled in the middle of a body; within each
    /// group the longest idle first, in milliseconds.
    fn silence(&self, stalled_after: Duration) -> Option<(u8, Reverse<u64>)> {
        if self.is_upgraded.load(Ordering::Relaxed) {
            return None;
        }
        let for_ms = |since_ms: u64| self.age_ms().saturating_sub(since_ms);
        if self.n_active.load(Ordering::Relaxed) == 0 {
            let rank = if self.has_requested() { 1 } else { 0 };
            return Some((rank, Reverse(for_ms(self.quiet_since_ms.load(Ordering::Relaxed)))));
        }
        let since_ms = self.waits_since_ms.load(Ordering::Relaxed);
        let stalled_ms = u64::try_from(stalled_after.as_millis()).unwrap_or(u64::MAX);
        (since_ms != 0 && for_ms(since_ms) >= stalled_ms).then(|| (2, Reverse(for_ms(since_ms))))
    }

    fn age_ms(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
    }

    /// A request has arrived.
    pub(super) fn begin_request(self: &Arc<Self>) -> ActiveRequest {
        self.has_requested.store(true, Ordering::Relaxed);
        self.n_active.fetch_add(1, Ordering::Relaxed);
        ActiveRequest(Arc::clone(self))
    }

    /// Whether there was a request.
    pub(super) fn has_requested(&self) -> bool {
        self.has_requested.load(Ordering::Relaxed)
    }

    /// Whether more of a body is waited for.
    pub(super) fn waits_for_body(&self, does_wait: bool) {
        self.waits_since_ms.store(if does_wait { self.age_ms() } else { 0 }, Ordering::Relaxed);
    }

    /// It is a WebSocket now, which has rules of its own.
    pub(super) fn upgraded(&self) {
        self.is_upgraded.store(true, Ordering::Relaxed);
    }

    /// Bytes of the peer are left that no handler will read.
    pub(super) fn mark_leftover(&self) {
        self.has_leftover.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_leftover(&self) -> bool {
        self.has_leftover.load(Ordering::Relaxed)
    }

    /// Resolves when it has to make room for another one.
    pub(super) async fn dismissed(&self) {
        self.dismissed.cancelled().await;
    }
}

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        self.0.quiet_since_ms.store(self.0.age_ms(), Ordering::Relaxed);
        self.0.n_active.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The body of an answer; until its end the connection is being served.
pub(super) struct TrackedBody {
    pub(super) body: Body,
    pub(super) _active: ActiveRequest,
}

impl HttpBody for TrackedBody {
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

    fn slots(max: usize, max_per_address: usize) -> ConnectionSlots {
        let shared: IpAddr = "10.0.0.1".parse().unwrap();
        let is_shared = Arc::new(move |address| address == shared);
        let listening = Listening { max_connections: max, max_per_address, is_shared, ..Listening::default() };
        ConnectionSlots::new(&listening, usize::MAX)
    }

    fn at(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_address_leaves_room_for_others_and_a_shared_one_has_no_limit() {
        let slots = slots(8, 100);
        let busy = |from: &str| slots.take(at(from)).map(|slot| (slot.state().begin_request(), slot));

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
        let slots = slots(100, 1);
        let _one = slots.take(at("2001:db8::1")).map(|slot| (slot.state().begin_request(), slot)).ok().unwrap();

        assert_eq!(slots.take(at("2001:db8::2")).err(), Some(Full::Address));
        assert!(slots.take(at("2001:db8:0:1::2")).is_ok());
    }

    #[test]
    fn of_two_that_have_asked_the_one_that_was_silent_longer_makes_room() {
        let slots = slots(3, 100);
        let older = slots.take(at("192.0.2.1")).ok().unwrap();
        let newer = slots.take(at("192.0.2.2")).ok().unwrap();
        let _served = slots.take(at("192.0.2.3")).map(|slot| (slot.state().begin_request(), slot)).ok().unwrap();
        drop(newer.state().begin_request());
        std::thread::sleep(Duration::from_millis(20));
        drop(older.state().begin_request());

        let _next = slots.take(at("192.0.2.4")).ok().unwrap();

        assert!(newer.state.dismissed.is_cancelled() && !older.state.dismissed.is_cancelled());
    }

    #[test]
    fn a_connection_without_a_request_makes_room_first_and_one_that_is_served_never() {
        let slots = slots(3, 100);
        let served = slots.take(at("192.0.2.1")).ok().unwrap();
        let _active = served.state().begin_request();
        let idle = slots.take(at("192.0.2.2")).ok().unwrap();
        drop(idle.state().begin_request());
        let silent = slots.take(at("192.0.2.3")).ok().unwrap();
        let is_sent_away = |slot: &ConnectionSlot| slot.state.dismissed.is_cancelled();

        let next = slots.take(at("192.0.2.4")).ok().unwrap();
        let _next_asks = next.state().begin_request();
        assert!(is_sent_away(&silent) && !is_sent_away(&idle));
        let last = slots.take(at("192.0.2.5")).ok().unwrap();
        let _last_asks = last.state().begin_request();
        assert!(is_sent_away(&idle));
        assert_eq!(slots.take(at("192.0.2.6")).err(), Some(Full::All));
        assert!(!is_sent_away(&served));
        drop((silent, idle, next));
        assert!(slots.take(at("192.0.2.6")).is_ok(), "a slot is freed once");
    }
}
