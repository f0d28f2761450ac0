use proptest::prelude::{Just, any, prop_assert, prop_assert_eq, prop_compose, prop_oneof, proptest};
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;

/// Prices per token of input, cached input and output.
struct Rates(u64, u64, u64);

impl Price for Rates {
    fn cost_nano(&self, input: u64, cached: u64, output: u64) -> Option<u64> {
        Some((input - cached) * self.0 + cached * self.1 + output * self.2)
    }
}

struct Unknown;

impl Price for Unknown {
    fn cost_nano(&self, _: u64, _: u64, _: u64) -> Option<u64> {
        None
    }
}

const NAMES: [&str; 6] = ["gpt-a", "gpt-b", "gpt-c", "gpt-d", "gpt-e", "gpt-f"];

/// Alike but for what the test changes.
fn alike<'a>(paces: &'a [Pace]) -> Vec<Candidate<'a>> {
    paces
        .iter()
        .enumerate()
        .map(|(index, pace)| Candidate {
            index,
            name: NAMES[index],
            weight: 1.0,
            tier: Tier::None,
            price: &Rates(1, 1, 1),
            pace,
            cached_share: 0.0,
            is_open: false,
        })
        .collect()
}

fn paces(n: usize) -> Vec<Pace> {
    (0..n).map(|_| Pace::default()).collect()
}

/// A pace that has been `ms` to the first token until now, which is 10,000.
fn pace_of(ms: u64) -> Pace {
    let pace = Pace::default();
    pace.enter(10_000 - ms).first_token(10_000);
    pace
}

fn call() -> CallEstimate {
    CallEstimate { now_ms: 10_000, input: 1_000, expected_output: 1, score: None }
}

fn choose(strategy: Strategy, call: &CallEstimate, candidates: &[Candidate<'_>]) -> Choice {
    strategy.choose(call, candidates, &mut StdRng::seed_from_u64(5))
}

fn indexes(choice: &Choice) -> Vec<usize> {
    choice.order.iter().map(|ranked| ranked.index).collect()
}

/// How often each is the first of 10,000.
fn firsts(strategy: Strategy, call: &CallEstimate, candidates: &[Candidate<'_>]) -> Vec<u32> {
    let mut rng = StdRng::seed_from_u64(11);
    let mut counts = vec![0; candidates.len()];
    for _ in 0..10_000 {
        counts[strategy.choose(call, candidates, &mut rng).order[0].index] += 1;
    }
    counts
}

#[test]
fn nothing_to_choose_from_is_no_error() {
    let choice = choose(Strategy::Weighted, &call(), &[]);
    assert_eq!((choice.order.len(), choice.reason.to_string().as_str()), (0, "no deployment"));
}

#[test]
fn the_only_one_is_chosen_whatever_its_state() {
    let paces = paces(1);
    let mut candidates = alike(&paces);
    candidates[0].is_open = true;
    candidates[0].weight = 0.0;
    let choice = choose(Strategy::Cost, &call(), &candidates);
    assert_eq!(choice.order, [Ranked { index: 0, tier: Tier::None, is_open: true }]);
    assert_eq!(choice.reason.to_string(), "only deployment");
}

#[test]
fn weights_are_shares() {
    let paces = paces(3);
    let mut candidates = alike(&paces);
    (candidates[0].weight, candidates[1].weight, candidates[2].weight) = (6.0, 3.0, 1.0);
    let firsts = firsts(Strategy::Weighted, &call(), &candidates);
    for (count, expected) in firsts.iter().zip([6_000_u32, 3_000, 1_000]) {
        assert!(count.abs_diff(expected) < 200, "{firsts:?}");
    }
    let choice = choose(Strategy::Weighted, &call(), &candidates);
    let weight = candidates[choice.order[0].index].weight;
    assert_eq!(choice.reason.to_string(), format!("weighted: {weight} of 10"));
}

#[test]
fn one_without_weight_is_only_fallen_back_on_under_every_strategy() {
    let paces = [pace_of(10), pace_of(1_000), pace_of(1_000)];
    let mut candidates = alike(&paces);
    candidates[0].price = &Rates(0, 0, 0);
    let blend = Strategy::Blend(Blend { latency: 1.0, cost: 1.0, ..Blend::default() });
    for weight in [0.0, -1.0, f64::NAN] {
        candidates[0].weight = weight;
        for strategy in
            [Strategy::Weighted, Strategy::LATENCY, Strategy::Cost, Strategy::Difficulty { threshold: 0.5 }, blend]
        {
            let choice = choose(strategy, &call(), &candidates);
            assert_eq!(indexes(&choice)[2], 0, "{strategy:?}");
        }
    }
    candidates[1].is_open = true;
    candidates[2].is_open = true;
    assert_eq!(indexes(&choose(Strategy::Cost, &call(), &candidates))[0], 0, "better than an open one");
}

#[test]
fn open_ones_come_last_and_are_named() {
    let paces = [pace_of(10), pace_of(812), pace_of(1_430)];
    let mut candidates = alike(&paces);
    candidates[0].is_open = true;
    let choice = choose(Strategy::LATENCY, &call(), &candidates);
    assert_eq!(indexes(&choice), [1, 2, 0]);
    assert!(choice.order[2].is_open);
    assert_eq!(choice.reason.to_string(), "latency: 812 ms against 1,430 ms (gpt-c); open: gpt-a");
}

#[test]
fn when_all_are_open_they_are_still_put_in_order() {
    let paces = [pace_of(900), pace_of(100)];
    let mut candidates = alike(&paces);
    candidates[0].is_open = true;
    candidates[1].is_open = true;
    let choice = choose(Strategy::LATENCY, &call(), &candidates);
    assert_eq!(indexes(&choice), [1, 0]);
    assert!(choice.order.iter().all(|ranked| ranked.is_open));
}

#[test]
fn of_two_drawn_the_quicker_wins_so_the_slowest_never_does() {
    let paces = [pace_of(300), pace_of(500), pace_of(900)];
    let candidates = alike(&paces);
    let two = firsts(Strategy::LATENCY, &call(), &candidates);
    assert!(two[0].abs_diff(6_667) < 200 && two[1].abs_diff(3_333) < 200 && two[2] == 0, "{two:?}");
    let all = firsts(Strategy::Latency { draws: 3 }, &call(), &candidates);
    assert_eq!(all, [10_000, 0, 0]);
    let more = firsts(Strategy::Latency { draws: usize::MAX }, &call(), &candidates);
    assert_eq!(more, [10_000, 0, 0]);
    let none: u32 = firsts(Strategy::Latency { draws: 0 }, &call(), &candidates).iter().sum();
    assert_eq!(none, 10_000);
}

#[test]
fn calls_under_way_make_a_quick_one_busy() {
    let paces = [pace_of(300), pace_of(500)];
    let _flights: Vec<_> = (0..2).map(|_| paces[0].enter(10_000)).collect();
    let choice = choose(Strategy::LATENCY, &call(), &alike(&paces));
    assert_eq!(indexes(&choice), [1, 0]);
    assert_eq!(choice.reason.to_string(), "latency: 500 ms with 0 under way against 300 ms with 2 under way (gpt-a)");
}

#[test]
fn what_a_call_writes_decides_which_is_quicker() {
    let slow_start = Pace::default();
    let mut flight = slow_start.enter(0);
    flight.first_token(1_000);
    flight.done(1_500, 101);
    let slow_writer = Pace::default();
    let mut flight = slow_writer.enter(0);
    flight.first_token(200);
    flight.done(4_200, 101);
    let paces = [slow_start, slow_writer];
    let short = CallEstimate { expected_output: 10, ..call() };
    let long = CallEstimate { expected_output: 1_000, ..call() };
    assert_eq!(indexes(&choose(Strategy::LATENCY, &short, &alike(&paces))), [1, 0]);
    assert_eq!(indexes(&choose(Strategy::LATENCY, &long, &alike(&paces))), [0, 1]);
}

#[test]
fn one_not_tried_lately_is_tried_by_one_call_at_a_time() {
    let paces = [pace_of(300), Pace::default()];
    let choice = choose(Strategy::LATENCY, &call(), &alike(&paces));
    assert_eq!(indexes(&choice), [1, 0]);
    assert_eq!(choice.reason.to_string(), "latency: not tried lately against 300 ms (gpt-a)");
    let _flight = paces[1].enter(10_000);
    assert_eq!(indexes(&choose(Strategy::LATENCY, &call(), &alike(&paces))), [0, 1]);
}

#[test]
fn the_real_sizes_decide_what_is_cheap() {
    let paces = paces(3);
    let mut candidates = alike(&paces);
    candidates[0].price = &Rates(100, 100, 1_000);
    candidates[1].price = &Rates(400, 400, 400);
    candidates[2].price = &Unknown;
    let reads = CallEstimate { input: 10_000, expected_output: 10, ..call() };
    let writes = CallEstimate { input: 10, expected_output: 10_000, ..call() };
    let choice = choose(Strategy::Cost, &reads, &candidates);
    assert_eq!(indexes(&choice), [0, 1, 2], "one without a price comes last");
    assert_eq!(choice.reason.to_string(), "cost: 0.00101 against 0.004004 (gpt-b)");
    assert_eq!(indexes(&choose(Strategy::Cost, &writes, &candidates)), [1, 0, 2]);
}

#[test]
fn what_the_cache_holds_is_cheaper() {
    let paces = paces(2);
    let mut candidates = alike(&paces);
    candidates[0].price = &Rates(300, 30, 1_000);
    candidates[1].price = &Rates(200, 200, 1_000);
    assert_eq!(indexes(&choose(Strategy::Cost, &call(), &candidates)), [1, 0]);
    candidates[0].cached_share = 0.9;
    assert_eq!(indexes(&choose(Strategy::Cost, &call(), &candidates)), [0, 1]);
    candidates[0].cached_share = 7.0;
    assert_eq!(indexes(&choose(Strategy::Cost, &call(), &candidates)), [0, 1], "no more than all");
}

#[test]
fn among_equal_prices_weights_decide() {
    let paces = paces(2);
    let mut candidates = alike(&paces);
    candidates[0].weight = 3.0;
    let firsts = firsts(Strategy::Cost, &call(), &candidates);
    assert!(firsts[0].abs_diff(7_500) < 200, "{firsts:?}");
}

#[test]
fn a_closure_is_a_price() {
    let paces = paces(1);
    let price = |input: u64, _: u64, output: u64| Some(input * 2 + output * 3);
    let mut candidates = alike(&paces);
    candidates[0].price = &price;
    assert_eq!(candidates[0].price.cost_nano(10, 0, 10), Some(50));
}

fn tiers(paces: &[Pace]) -> Vec<Candidate<'_>> {
    let mut candidates = alike(paces);
    candidates[0].tier = Tier::Weak;
    candidates[1].tier = Tier::Strong;
    candidates[2].tier = Tier::None;
    candidates[3].tier = Tier::Strong;
    candidates
}

#[test]
fn hard_prompts_go_to_the_strong_tier_and_fall_back_within_it() {
    let paces = paces(4);
    let mut candidates = tiers(&paces);
    candidates[3].weight = 0.000_001;
    let strategy = Strategy::Difficulty { threshold: 0.55 };
    for (score, order, reason) in [
        (Some(0.71), [1, 3, 2, 0], "difficulty: 0.71 above 0.55, strong"),
        (Some(0.55), [1, 3, 2, 0], "difficulty: 0.55, just the threshold, strong"),
        (None, [1, 3, 2, 0], "difficulty: no score, strong"),
        (Some(f32::NAN), [1, 3, 2, 0], "difficulty: NaN, just the threshold, strong"),
        (Some(0.2), [0, 2, 1, 3], "difficulty: 0.20 below 0.55, weak"),
    ] {
        let choice = choose(strategy, &CallEstimate { score, ..call() }, &candidates);
        assert_eq!((indexes(&choice).as_slice(), choice.reason.to_string().as_str()), (&order[..], reason));
    }
}

#[test]
fn when_the_wanted_tier_is_open_the_reason_says_what_was_got() {
    let paces = paces(4);
    let mut candidates = tiers(&paces);
    candidates[1].is_open = true;
    candidates[3].is_open = true;
    let choice =
        choose(Strategy::Difficulty { threshold: 0.5 }, &CallEstimate { score: Some(0.9), ..call() }, &candidates);
    assert_eq!(indexes(&choice)[..2], [2, 0]);
    assert_eq!(
        choice.reason.to_string(),
        "difficulty: 0.90 above 0.50, strong; not there, so no tier; open: gpt-b, gpt-d"
    );
}

#[test]
fn a_blend_weighs_each_part() {
    let paces = [pace_of(200), pace_of(800), pace_of(400), pace_of(400)];
    let mut candidates = tiers(&paces);
    candidates[0].price = &Rates(10, 10, 10);
    candidates[1].price = &Rates(100, 100, 100);
    let easy = CallEstimate { score: Some(0.1), ..call() };
    let hard = CallEstimate { score: Some(0.9), ..call() };
    let cheap = Strategy::Blend(Blend { cost: 1.0, quality: 1.0, ..Blend::default() });
    let quick = Strategy::Blend(Blend { latency: 1.0, ..Blend::default() });
    let good = Strategy::Blend(Blend { quality: 1.0, ..Blend::default() });
    assert_eq!(indexes(&choose(quick, &hard, &candidates))[0], 0);
    assert_eq!(indexes(&choose(good, &hard, &candidates)), [1, 3, 2, 0]);
    candidates[2].price = &Rates(50, 50, 50);
    candidates[3].price = &Rates(80, 80, 80);
    let choice = choose(cheap, &easy, &candidates);
    assert_eq!(indexes(&choice), [0, 2, 3, 1]);
    assert_eq!(choice.reason.to_string(), "blend: 0.200 against 0.550 (gpt-c)");
    assert_eq!(indexes(&choose(cheap, &hard, &candidates))[0], 3);
}

#[test]
fn a_blend_of_shares_follows_the_weights_call_by_call() {
    let paces = paces(2);
    let mut candidates = alike(&paces);
    candidates[0].weight = 3.0;
    let strategy = Strategy::Blend(Blend { share: 1.0, ..Blend::default() });
    let mut counts = [0, 0];
    for n in 0..400 {
        let call = CallEstimate { now_ms: 10_000 + n * 10, ..call() };
        let first = choose(strategy, &call, &candidates).order[0].index;
        counts[first] += 1;
        drop(paces[first].enter(call.now_ms));
    }
    assert!((295..=305).contains(&counts[0]), "{counts:?}");
}

#[test]
fn a_blend_of_nothing_keeps_the_order_of_the_list() {
    let paces = paces(4);
    assert_eq!(indexes(&choose(Strategy::Blend(Blend::default()), &call(), &alike(&paces))), [0, 1, 2, 3]);
}

#[test]
fn the_reason_reads_well_as_json_and_fits_a_header() {
    let paces = [pace_of(812), pace_of(1_430)];
    let mut candidates = alike(&paces);
    candidates[1].name = "通义";
    let choice = choose(Strategy::LATENCY, &call(), &candidates);
    assert_eq!(
        serde_json::to_value(&choice.reason).unwrap(),
        serde_json::json!({
            "chosen": "gpt-a", "strategy": "latency", "ms": 812, "in_flight": 0,
            "against": {"name": "通义", "figure": 1_430, "in_flight": 0},
        })
    );
    assert_eq!(choice.reason.header(), "latency: 812 ms against 1,430 ms (??)");
    assert_eq!(choice.reason.strategy(), "latency");
}

prop_compose! {
    fn any_candidate()(
        weight in prop_oneof![Just(0.0), 0.01_f64..10.0, Just(f64::INFINITY), Just(f64::NAN)],
        tier in prop_oneof![Just(Tier::Strong), Just(Tier::Weak), Just(Tier::None)],
        is_open in any::<bool>(), ms in proptest::option::of(1_u64..9_000), busy in 0_usize..3,
        rate in proptest::option::of(0_u64..1_000), cached_share in prop_oneof![Just(f64::NAN), -1.0_f64..2.0],
    ) -> (f64, Tier, bool, Option<u64>, usize, Option<u64>, f64) {
        (weight, tier, is_open, ms, busy, rate, cached_share)
    }
}

proptest! {
    #[test]
    fn every_order_holds_each_candidate_once_and_the_open_ones_last(
        set in proptest::collection::vec(any_candidate(), 0..6), seed in any::<u64>(), draws in 0_usize..8,
        score in proptest::option::of(prop_oneof![Just(f32::NAN), -1.0_f32..2.0]), input in 0_u64..1_000_000,
        output in 0_u64..100_000, weights in any::<(u8, u8, u8, u8)>(),
    ) {
        let paces: Vec<Pace> = set.iter().map(|one| one.3.map_or_else(Pace::default, pace_of)).collect();
        let _flights: Vec<_> =
            set.iter().zip(&paces).flat_map(|(one, pace)| (0..one.4).map(|_| pace.enter(10_000))).collect();
        let prices: Vec<_> = set.iter().map(|one| { let rate = one.5; move |i: u64, _: u64, o: u64| Some((i + o) * rate?) }).collect();
        let candidates: Vec<Candidate<'_>> = set.iter().enumerate().map(|(index, one)| Candidate {
            index, name: NAMES[index], weight: one.0, tier: one.1, price: &prices[index], pace: &paces[index],
            cached_share: one.6, is_open: one.2,
        }).collect();
        let call = CallEstimate { now_ms: 10_000, input, expected_output: output, score };
        let blend = Blend {
            latency: weights.0.into(), cost: weights.1.into(), quality: weights.2.into(), share: weights.3.into(),
        };
        for strategy in [
            Strategy::Weighted, Strategy::Latency { draws }, Strategy::Cost, Strategy::Difficulty { threshold: 0.5 },
            Strategy::Blend(blend),
        ] {
            let choice = strategy.choose(&call, &candidates, &mut StdRng::seed_from_u64(seed));
            let again = strategy.choose(&call, &candidates, &mut StdRng::seed_from_u64(seed));
            prop_assert_eq!(format!("{choice:?}"), format!("{again:?}"));
            let mut sorted = indexes(&choice);
            sorted.sort_unstable();
            prop_assert_eq!(sorted, (0..set.len()).collect::<Vec<_>>());
            let opens: Vec<bool> = choice.order.iter().map(|ranked| ranked.is_open).collect();
            prop_assert!(opens.is_sorted(), "{:?}", opens);
            prop_assert!(choice.reason.header().bytes().all(|byte| (32..127).contains(&byte)));
            prop_assert!(serde_json::to_string(&choice.reason).is_ok());
            // Of those that are well, the first one's tier comes before the others.
            let well: Vec<u8> = choice.order.iter().filter(|r| !r.is_open)
                .map(|r| choice.order[0].tier.distance(r.tier)).collect();
            if opens.first() == Some(&false) {
                prop_assert!(well.is_sorted());
            }
        }
    }
}
