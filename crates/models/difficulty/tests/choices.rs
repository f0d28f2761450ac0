//! Thresholds, calibration and the file of weights.

use septet_difficulty::{Calibration, Malformed, Outcome, Probability, Scorer, Threshold, TooFew};

fn p(value: f32) -> Probability {
    Probability::nearest(value)
}

/// Outcomes of a weak model that fails with probability `fails(score)`, by a fixed sequence in place of chance.
fn outcomes(n: usize, fails: impl Fn(f32) -> f32) -> Vec<Outcome> {
    (0..n)
        .map(|idx| {
            let score = (idx as f32 + 0.5) / n as f32;
            let chance = (idx as f32 * 0.618_034).fract();
            Outcome { score: p(score), weak_was_good: chance >= fails(score) }
        })
        .collect()
}

fn share_to_strong(threshold: Threshold, scores: &[Probability]) -> f32 {
    scores.iter().filter(|score| threshold.wants_strong(**score)).count() as f32 / scores.len() as f32
}

#[test]
fn a_share_of_none_and_of_all_are_kept_to_the_call() {
    for score in [0.0, 0.5, 1.0] {
        assert!(!Threshold::for_share(0.0).wants_strong(p(score)));
        assert!(Threshold::for_share(1.0).wants_strong(p(score)));
    }
    assert_eq!(Threshold::for_share(f32::NAN), Threshold::for_share(0.0));
}

#[test]
fn a_higher_share_or_quality_never_raises_the_threshold() {
    let threshold = |threshold: Threshold| threshold.score().map_or(2.0, Probability::value);
    let mut last = [f32::MAX; 2];
    for percent in 0..=100 {
        let now = [Threshold::for_share, Threshold::for_quality].map(|ask| threshold(ask(percent as f32 / 100.0)));
        assert!(now[0] <= last[0] && now[1] <= last[1], "at {percent} %");
        last = now;
    }
}

#[test]
fn full_quality_sends_every_call_to_the_strong_model_and_none_asks_for_nothing() {
    assert!(Threshold::for_quality(1.0).wants_strong(p(0.0)));
    assert!(!Threshold::for_quality(0.0).wants_strong(p(1.0)));
}

#[test]
fn a_tenant_gets_the_share_that_it_asks_for_by_its_own_spread_of_scores() {
    let reading: Vec<Probability> = (0..2_000).map(|idx| p(0.05 + 0.1 * (idx as f32 / 2_000.0))).collect();
    let calibration = Calibration::fit(&outcomes(200, |score| score), &reading).unwrap();
    for share in [0.05, 0.1, 0.25, 0.5, 0.9] {
        let got = share_to_strong(calibration.for_share(share), &reading);
        assert!((got - share).abs() < 0.01, "{got} in place of {share}");
    }
}

#[test]
fn calibration_finds_the_true_failure_rate_from_few_outcomes_and_from_many() {
    for (n, most_off) in [(400, 0.12), (20_000, 0.05)] {
        let calibration = Calibration::fit(&outcomes(n, |score| 0.6 * score), &[]).unwrap();
        for score in [0.1, 0.3, 0.5, 0.7, 0.9] {
            let off = (calibration.apply(p(score)).value() - 0.6 * score).abs();
            assert!(off < most_off, "{off} at {score} of {n}");
        }
    }
}

#[test]
fn a_quality_floor_is_kept_at_the_fewest_strong_calls() {
    let outcomes = outcomes(20_000, |score| score * score);
    let calibration = Calibration::fit(&outcomes, &[]).unwrap();
    let threshold = calibration.for_quality(0.9);
    let spoiled = outcomes.iter().filter(|o| !threshold.wants_strong(o.score) && !o.weak_was_good).count();
    let quality = 1.0 - spoiled as f32 / outcomes.len() as f32;
    assert!((0.9..0.93).contains(&quality), "{quality}");
}

#[test]
fn a_higher_score_never_gets_a_lower_probability() {
    for n in [60, 999, 1_000, 5_000] {
        for fails in [
            |score: f32| score,
            |score: f32| 1.0 - score,
            |_: f32| 0.5,
            |score: f32| if score > 0.5 { 1.0 } else { 0.0 },
        ] {
            let Ok(calibration) = Calibration::fit(&outcomes(n, fails), &[]) else { panic!("{n} are enough") };
            let all: Vec<f32> = (0..=100).map(|at| calibration.apply(p(at as f32 / 100.0)).value()).collect();
            assert!(all.is_sorted(), "{all:?}");
        }
    }
}

#[test]
fn too_few_outcomes_or_only_good_ones_are_refused() {
    let few = Calibration::fit(&outcomes(49, |score| score), &[]);
    assert!(matches!(few, Err(TooFew { n_outcomes: 49, .. })));
    assert_eq!(Calibration::fit(&outcomes(500, |_| 0.0), &[]), Err(TooFew { n_outcomes: 500, n_bad: 0 }));
    assert_eq!(Calibration::fit(&outcomes(500, |_| 1.0), &[]), Err(TooFew { n_outcomes: 500, n_bad: 500 }));
}

#[test]
fn equal_scores_are_one_step() {
    let same: Vec<Outcome> = (0..2_000).map(|idx| Outcome { score: p(0.3), weak_was_good: idx % 4 != 0 }).collect();
    let calibration = Calibration::fit(&same, &[]).unwrap();
    assert!((calibration.apply(p(0.3)).value() - 0.25).abs() < 0.01);
}

#[test]
fn a_calibration_is_stored_and_read_back_as_it_was_and_nonsense_is_refused() {
    for n in [100, 3_000] {
        let calibration = Calibration::fit(&outcomes(n, |score| score), &[]).unwrap();
        let text = serde_json::to_string(&calibration).unwrap();
        assert_eq!(serde_json::from_str::<Calibration>(&text).unwrap(), calibration);
    }
    assert!(serde_json::from_str::<Probability>("1.5").is_err());
    let threshold = Threshold::for_share(0.2);
    assert_eq!(serde_json::from_str::<Threshold>(&serde_json::to_string(&threshold).unwrap()).unwrap(), threshold);
}

#[test]
fn weights_that_are_cut_short_or_altered_are_refused() {
    let weights = include_bytes!("../data/weights.bin");
    assert!(Scorer::from_bytes(weights).is_ok());
    assert!(matches!(Scorer::from_bytes(b""), Err(Malformed::Magic)));
    assert!(matches!(Scorer::from_bytes(b"SEPTDIFX________"), Err(Malformed::Magic)));
    for length in [16, 100, weights.len() / 2, weights.len() - 1] {
        assert!(matches!(Scorer::from_bytes(&weights[..length]), Err(Malformed::Checksum)), "{length}");
    }
    for place in [9, 200, 50_000, weights.len() - 20] {
        let mut altered = weights.to_vec();
        altered[place] ^= 1;
        assert!(matches!(Scorer::from_bytes(&altered), Err(Malformed::Checksum)), "{place}");
    }
    assert!(weights.len() < 1_500_000);
}
