//! What choosing by cost loses against an oracle that knows what each call will write. The figures are printed; only
//! generous bounds are asserted.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use septet_routing::{CallEstimate, Candidate, Expected, Pace, Price, Strategy, Tier};

/// Nano-units per token of input, cached input and output.
struct Rates(u64, u64, u64);

impl Price for Rates {
    fn cost_nano(&self, input: u64, cached: u64, output: u64) -> Option<u64> {
        Some((input - cached) * self.0 + cached * self.1 + output * self.2)
    }
}

const RATES: [Rates; 4] =
    [Rates(2_500, 250, 10_000), Rates(3_000, 300, 6_000), Rates(1_000, 1_000, 16_000), Rates(1_500, 150, 12_000)];

fn normal(rng: &mut StdRng) -> f64 {
    (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0
}

#[test]
fn cost_comes_near_to_one_who_knows_what_will_be_written() {
    let mut rng = StdRng::seed_from_u64(4);
    let expected = Expected::default();
    let pace = Pace::default();
    // Twenty tenants, each with two routes of their own habits: from classifying (5 tokens) to writing (2,000).
    let habits: Vec<f64> = (0..40).map(|_| rng.random_range(1.6..7.6)).collect();
    let (mut ours, mut oracle, mut plain, mut blind) = (0.0, 0.0, 0.0, 0.0);
    let mut n_best = 0;
    let n_calls = 20_000;
    for _ in 0..n_calls {
        let which = rng.random_range(0..habits.len());
        let (tenant, route) = (format!("tenant-{}", which / 2), if which % 2 == 0 { "chat" } else { "code" });
        let output = (habits[which] + 0.6 * normal(&mut rng)).exp().clamp(1.0, 8_000.0) as u64;
        let input = (6.5 + 1.2 * normal(&mut rng)).exp().clamp(10.0, 100_000.0) as u64;
        let cached_share = if rng.random::<f64>() < 0.5 { 0.8 } else { 0.0 };
        let candidates: Vec<Candidate<'_>> = RATES
            .iter()
            .enumerate()
            .map(|(index, price)| Candidate {
                index,
                name: "",
                weight: 1.0,
                tier: Tier::None,
                price,
                pace: &pace,
                cached_share,
                is_open: false,
            })
            .collect();
        let call =
            CallEstimate { now_ms: 0, input, expected_output: expected.output(&tenant, route, None), score: None };
        let chosen = Strategy::Cost.choose(&call, &candidates, &mut rng).order[0].index;
        expected.learn(&tenant, route, output);
        let cached = (input as f64 * cached_share) as u64;
        let costs: Vec<f64> =
            RATES.iter().map(|rates| rates.cost_nano(input, cached, output).unwrap() as f64).collect();
        let best = costs.iter().copied().fold(f64::INFINITY, f64::min);
        n_best += usize::from(costs[chosen] <= best);
        ours += costs[chosen];
        oracle += best;
        // The least sum of the price per token of input and of output, whatever the call is like.
        plain += costs[1];
        blind += costs.iter().sum::<f64>() / 4.0;
    }
    let regret = |sum: f64| (sum / oracle - 1.0) * 100.0;
    eprintln!(
        "cost over {n_calls} calls, regret against an oracle: ours {:.2} % (the very cheapest in {:.1} %), \
         least price per token {:.1} %, by chance {:.1} %",
        regret(ours),
        f64::from(n_best as u32) / f64::from(n_calls) * 100.0,
        regret(plain),
        regret(blind),
    );
    assert!(regret(ours) < 5.0);
    assert!(ours < plain && ours < blind);
}
