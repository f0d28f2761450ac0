//! A small world of upstreams with a clock of its own: calls arrive, go where routing sends them, fail, are tried again.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use septet_routing::breaker::Settings;
use septet_routing::{
    Breaker, CallEstimate, Candidate, Expected, Fault, FaultKind, Flight, Pace, Permit, Retry, Step, Strategy, Tier,
    Walk,
};

/// What an upstream does at a time, in milliseconds from the start.
pub(crate) struct Upstream {
    /// Mean time to the first token.
    pub(crate) first_ms: fn(u64) -> f64,
    /// Mean time per further token, with nothing else to do.
    pub(crate) token_ms: fn(u64) -> f64,
    /// With so many calls under way a token takes twice as long.
    pub(crate) capacity: f64,
    /// What goes wrong, if anything: given the time and a chance in 0..1.
    pub(crate) fault: fn(u64, f64) -> Option<Fault>,
}

/// How a run went.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) n_calls: usize,
    pub(crate) n_errors: usize,
    /// Per upstream.
    pub(crate) n_asked: Vec<usize>,
    /// Per upstream: the most probes that were under way at a time.
    pub(crate) most_probes: Vec<usize>,
    pub(crate) n_opened: Vec<u64>,
    /// Per upstream: calls that began before a time that it had asked to be left alone until.
    pub(crate) n_too_early: Vec<usize>,
    /// Of calls that went well.
    pub(crate) took_ms: Vec<f64>,
}

impl Outcome {
    pub(crate) fn error_rate(&self) -> f64 {
        ratio(self.n_errors, self.n_calls)
    }

    pub(crate) fn mean_ms(&self) -> f64 {
        self.took_ms.iter().sum::<f64>() / self.took_ms.len().max(1) as f64
    }

    pub(crate) fn percentile_ms(&self, share: f64) -> f64 {
        let mut sorted = self.took_ms.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[((sorted.len() - 1) as f64 * share) as usize]
    }
}

pub(crate) fn ratio(part: usize, of: usize) -> f64 {
    part as f64 / of.max(1) as f64
}

/// Who chooses.
pub(crate) enum Chooser {
    Strategy(Strategy),
    /// Knows what the upstreams really are and how much the call will write.
    Oracle,
}

struct World<'a> {
    upstreams: &'a [Upstream],
    breakers: Vec<Breaker>,
    paces: Vec<Pace>,
    expected: Expected,
    rng: StdRng,
    now: u64,
    /// Time, number of the event, number of the client.
    queue: BinaryHeap<Reverse<(u64, usize, usize)>>,
    n_events: usize,
    n_probes: Vec<usize>,
    told_until: Vec<u64>,
    outcome: Outcome,
}

struct Client {
    arrived: u64,
    output: u64,
    walk: Option<Walk>,
    at: usize,
    stage: Stage,
}

enum Stage {
    Arrives,
    Begins,
    Waits(Permit, Flight, Option<Fault>),
    /// Until when, and how long a token takes.
    Reads(Permit, Flight, u64, f64),
    Over,
}

/// `n_calls` calls, `mean_gap_ms` apart on average, each writing as much as `output` says.
pub(crate) fn run(
    upstreams: &[Upstream],
    chooser: &Chooser,
    n_calls: usize,
    mean_gap_ms: f64,
    output: fn(&mut StdRng) -> u64,
) -> Outcome {
    let n = upstreams.len();
    let mut world = World {
        upstreams,
        breakers: (0..n as u64).map(|seed| Breaker::new(Settings::default(), seed)).collect(),
        paces: (0..n).map(|_| Pace::default()).collect(),
        expected: Expected::default(),
        rng: StdRng::seed_from_u64(1),
        now: 0,
        queue: BinaryHeap::new(),
        n_events: 0,
        n_probes: vec![0; n],
        told_until: vec![0; n],
        outcome: Outcome {
            n_calls,
            n_asked: vec![0; n],
            most_probes: vec![0; n],
            n_too_early: vec![0; n],
            ..Outcome::default()
        },
    };
    // A separate random generator for arrivals, so that all strategies see the same calls.
    let mut arrivals = StdRng::seed_from_u64(2);
    let mut clients = Vec::with_capacity(n_calls);
    let mut at = 0.0;
    for number in 0..n_calls {
        at -= (1.0 - arrivals.random::<f64>()).ln() * mean_gap_ms;
        let arrived = at as u64;
        clients.push(Client { arrived, output: output(&mut arrivals), walk: None, at: 0, stage: Stage::Arrives });
        world.wake(arrived, number);
    }
    while let Some(Reverse((now, _, number))) = world.queue.pop() {
        world.now = now;
        let client = &mut clients[number];
        match std::mem::replace(&mut client.stage, Stage::Over) {
            Stage::Arrives => world.arrive(client, number, chooser),
            Stage::Begins => world.begin(client, number),
            Stage::Waits(permit, flight, fault) => world.answer(client, number, permit, flight, fault),
            Stage::Reads(permit, flight, until, token) => world.read(client, number, permit, flight, until, token),
            Stage::Over => {}
        }
    }
    world.outcome.n_opened = world.breakers.iter().map(|breaker| breaker.state(world.now).n_opened).collect();
    world.outcome
}

impl World<'_> {
    fn wake(&mut self, at: u64, number: usize) {
        self.n_events += 1;
        self.queue.push(Reverse((at, self.n_events, number)));
    }

    fn arrive(&mut self, client: &mut Client, number: usize, chooser: &Chooser) {
        let strategy = match chooser {
            Chooser::Strategy(strategy) => *strategy,
            Chooser::Oracle => Strategy::Weighted,
        };
        let best = matches!(chooser, Chooser::Oracle).then(|| self.truly_best(client.output));
        let names: Vec<String> = (0..self.upstreams.len()).map(|idx| format!("up-{idx}")).collect();
        let candidates: Vec<Candidate<'_>> = (0..self.upstreams.len())
            .map(|index| Candidate {
                index,
                name: &names[index],
                weight: if best.is_none_or(|best| best == index) { 1.0 } else { 0.0 },
                tier: Tier::None,
                price: &|_, _, _| None,
                pace: &self.paces[index],
                cached_share: 0.0,
                is_open: !self.breakers[index].is_available(self.now),
            })
            .collect();
        let call = CallEstimate {
            now_ms: self.now,
            input: 1_000,
            expected_output: self.expected.output("acme", "chat", None),
            score: None,
        };
        let choice = strategy.choose(&call, &candidates, &mut self.rng);
        let mut walk = Walk::new(&choice, Retry::default());
        let step = walk.first();
        client.walk = Some(walk);
        self.follow(client, number, step);
    }

    fn truly_best(&self, output: u64) -> usize {
        let time = |idx: &usize| {
            self.upstreams[*idx].mean_first(self.now) + self.mean_token(*idx) * output.saturating_sub(1) as f64
        };
        (0..self.upstreams.len()).min_by(|a, b| time(a).total_cmp(&time(b))).unwrap_or(0)
    }

    fn mean_token(&self, idx: usize) -> f64 {
        let upstream = &self.upstreams[idx];
        (upstream.token_ms)(self.now) * (1.0 + f64::from(self.paces[idx].in_flight()) / upstream.capacity)
    }

    fn follow(&mut self, client: &mut Client, number: usize, step: Step) {
        match step {
            Step::Stop => self.outcome.n_errors += 1,
            Step::Try { index, pause } => {
                client.at = index;
                client.stage = Stage::Begins;
                self.wake(self.now + pause.as_millis() as u64, number);
            }
        }
    }

    fn begin(&mut self, client: &mut Client, number: usize) {
        let at = client.at;
        let Some(permit) = self.breakers[at].try_enter(self.now) else {
            return self.fail(client, number, FaultKind::NotCalled.into());
        };
        self.outcome.n_asked[at] += 1;
        self.outcome.n_too_early[at] += usize::from(self.now < self.told_until[at]);
        self.n_probes[at] += usize::from(permit.is_probe());
        self.outcome.most_probes[at] = self.outcome.most_probes[at].max(self.n_probes[at]);
        let upstream = &self.upstreams[at];
        let fault = (upstream.fault)(self.now, self.rng.random());
        let wait = match fault {
            None => upstream.mean_first(self.now) * self.noise(0.4),
            Some(Fault { kind: FaultKind::Timeout, .. }) => 10_000.0,
            Some(_) => 100.0 * self.noise(0.4),
        };
        client.stage = Stage::Waits(permit, self.paces[at].enter(self.now), fault);
        self.wake(self.now + wait as u64, number);
    }

    fn answer(
        &mut self,
        client: &mut Client,
        number: usize,
        mut permit: Permit,
        mut flight: Flight,
        fault: Option<Fault>,
    ) {
        self.n_probes[client.at] -= usize::from(permit.is_probe());
        if let Some(fault) = fault {
            if fault.kind == FaultKind::RateLimited {
                let until = self.now + fault.retry_after_ms.unwrap_or(0);
                self.told_until[client.at] = self.told_until[client.at].max(until);
            }
            permit.bad(self.now, fault);
            flight.failed(self.now);
            return self.fail(client, number, fault);
        }
        permit.alive(self.now);
        flight.first_token(self.now);
        let token = self.mean_token(client.at) * self.noise(0.2);
        let until = self.now + (token * client.output.saturating_sub(1) as f64) as u64;
        self.read(client, number, permit, flight, until, token);
    }

    /// Tells every second how much came.
    fn read(&mut self, client: &mut Client, number: usize, permit: Permit, mut flight: Flight, until: u64, token: f64) {
        if self.now >= until {
            return self.finish(client, permit, flight);
        }
        let left = ((until - self.now) as f64 / token) as u64;
        flight.wrote(self.now, client.output.saturating_sub(left).max(1));
        client.stage = Stage::Reads(permit, flight, until, token);
        self.wake(until.min(self.now + 1_000), number);
    }

    fn fail(&mut self, client: &mut Client, number: usize, fault: Fault) {
        let Some(walk) = &mut client.walk else { return };
        let step = walk.after(&fault, &mut self.rng);
        self.follow(client, number, step);
    }

    fn finish(&mut self, client: &Client, permit: Permit, flight: Flight) {
        permit.good(self.now);
        flight.done(self.now, client.output);
        self.expected.learn("acme", "chat", client.output);
        self.outcome.took_ms.push((self.now - client.arrived) as f64);
    }

    /// Log-normal around a mean of 1.
    fn noise(&mut self, sigma: f64) -> f64 {
        (sigma * normal(&mut self.rng) - sigma * sigma / 2.0).exp()
    }
}

impl Upstream {
    fn mean_first(&self, now: u64) -> f64 {
        (self.first_ms)(now)
    }
}

/// Approximately normal: the sum of twelve uniform samples.
pub(crate) fn normal(rng: &mut StdRng) -> f64 {
    (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0
}
