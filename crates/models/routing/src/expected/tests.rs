use proptest::prelude::*;

use super::*;

fn learned(samples: &[(&str, u64)]) -> Expected {
    let expected = Expected::default();
    for (tenant, output) in samples {
        expected.learn(tenant, "chat", *output);
    }
    expected
}

#[test]
fn three_hundred_are_expected_of_the_unknown() {
    let expected = Expected::default();
    assert_eq!(expected.output("acme", "chat", None), 300);
    assert_eq!(expected.output("acme", "chat", Some(64)), 64);
    assert_eq!(expected.output("acme", "chat", Some(0)), 1);
    assert!(expected.is_empty());
}

#[test]
fn a_tenant_of_its_own_habits_is_known_by_them() {
    let expected = learned(&[("terse", 20); 60]);
    for _ in 0..60 {
        expected.learn("wordy", "chat", 2_000);
    }
    assert!((18..40).contains(&expected.output("terse", "chat", None)), "{}", expected.output("terse", "chat", None));
    assert!(expected.output("wordy", "chat", None) > 1_500);
    assert_eq!(expected.output("wordy", "chat", Some(500)), 500);
}

#[test]
fn an_unknown_tenant_is_taken_for_a_usual_one_of_the_route() {
    let expected = learned(&[("acme", 100); 20]);
    assert_eq!(expected.output("new", "chat", None), 100);
    assert_eq!(expected.output("new", "other route", None), 300);
}

#[test]
fn a_single_own_call_does_not_outweigh_the_route() {
    let expected = learned(&[("acme", 100); 50]);
    expected.learn("new", "chat", 10);
    let guess = expected.output("new", "chat", None);
    assert!((40..150).contains(&guess), "{guess}");
}

#[test]
fn of_lengths_that_spread_widely_the_mean_is_expected_not_the_middle() {
    // Log-normal, mu 5, sigma 1: the middle is 148, the mean 245.
    let mut rng = <rand::rngs::StdRng as rand::SeedableRng>::seed_from_u64(3);
    let expected = Expected::default();
    let mut guesses = Vec::new();
    for n in 0..4_000 {
        let normal: f64 = (0..12).map(|_| rand::Rng::random::<f64>(&mut rng)).sum::<f64>() - 6.0;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small and positive")]
        expected.learn("acme", "chat", (5.0 + normal).exp().round() as u64);
        if n > 100 {
            guesses.push(expected.output("acme", "chat", None));
        }
    }
    let mean = guesses.iter().sum::<u64>() / guesses.len() as u64;
    assert!((190..300).contains(&mean), "{mean}");
}

#[test]
fn habits_that_change_are_followed() {
    let expected = learned(&[("acme", 1_000); 200]);
    for _ in 0..60 {
        expected.learn("acme", "chat", 50);
    }
    assert!(expected.output("acme", "chat", None) < 120);
}

#[test]
fn empty_and_endless_answers_do_no_harm() {
    let expected = Expected::default();
    for _ in 0..10 {
        expected.learn("a", "chat", 0);
    }
    assert_eq!(expected.output("a", "chat", None), 1);
    for _ in 0..100 {
        expected.learn("a", "chat", u64::MAX);
    }
    assert!(expected.output("a", "chat", Some(4_096)) <= 4_096);
}

#[test]
fn no_more_is_remembered_than_there_is_room_for() {
    let expected = Expected::new(100);
    for n in 0..10_000 {
        expected.learn(&format!("tenant-{n}"), "chat", 50);
    }
    assert_eq!(expected.len(), 100);
    assert_eq!(expected.output("tenant-0", "chat", None), 50, "the route is used all the time, so it stays");
}

#[test]
fn tenant_and_route_do_not_run_into_each_other() {
    let expected = Expected::default();
    expected.learn("ab", "c", 10);
    assert_eq!(expected.output("a", "bc", None), 300);
}

#[test]
fn the_cached_share_is_one_of_tokens_by_tenant_and_deployment() {
    let expected = Expected::default();
    assert!(expected.cached_share("acme", "a") == 0.0);
    for _ in 0..100 {
        expected.learn_cached("acme", "a", 10_000, 8_000);
        expected.learn_cached("acme", "a", 100, 0);
    }
    let share = expected.cached_share("acme", "a");
    assert!((0.75..0.8).contains(&share), "{share}");
    assert!(expected.cached_share("acme", "b") == 0.0 && expected.cached_share("other", "a") == 0.0);
    expected.learn_cached("odd", "a", 10, 99);
    expected.learn_cached("none", "a", 0, 0);
    assert!((expected.cached_share("odd", "a") - 1.0).abs() < 1e-9 && expected.cached_share("none", "a") == 0.0);
    assert!(expected.is_empty(), "output is apart");
}

proptest! {
    #[test]
    fn the_one_forgotten_is_always_the_one_not_used_for_longest(
        capacity in 1_usize..8, uses in proptest::collection::vec((0_u64..12, any::<bool>()), 1..200),
    ) {
        let mut lru: Lru<u64> = Lru::new(capacity);
        // Oldest first.
        let mut model: Vec<(u64, u64)> = Vec::new();
        for (n, (key, writes)) in uses.into_iter().enumerate() {
            let known = model.iter().position(|(k, _)| *k == key);
            if writes {
                let value = n as u64 + 1;
                *lru.entry(key) = value;
                match known {
                    Some(at) => { model.remove(at); }
                    None if model.len() == capacity => { model.remove(0); }
                    None => {}
                }
                model.push((key, value));
            } else {
                prop_assert_eq!(lru.get(key), known.map(|at| model[at].1));
                if let Some(at) = known {
                    let item = model.remove(at);
                    model.push(item);
                }
            }
            prop_assert_eq!(lru.len(), model.len());
        }
    }
}
