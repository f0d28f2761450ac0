use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;
use crate::fault::FaultKind;
use crate::reason::{Reason, Why};
use crate::tier::Tier;

fn walk(order: &[(Tier, bool)]) -> Walk {
    let order = order.iter().enumerate().map(|(index, &(tier, is_open))| Ranked { index, tier, is_open }).collect();
    let reason = Reason { chosen: String::new(), why: Why::Nothing, open: Vec::new() };
    Walk::new(&Choice { order, reason }, Retry::default())
}

/// Where the calls go, when they fail with these; a retry is written with a `+`.
fn way(order: &[(Tier, bool)], faults: &[FaultKind]) -> String {
    let mut walk = walk(order);
    let mut rng = StdRng::seed_from_u64(0);
    let mut steps = vec![walk.first()];
    for kind in faults {
        let before = walk.n_retries();
        let step = walk.after(&Fault::new(*kind), &mut rng);
        if walk.n_retries() == before {
            assert!(matches!(step, Step::Stop | Step::Try { pause: Duration::ZERO, .. }), "{step:?}");
        }
        steps.push(step);
    }
    let mut seen = std::collections::HashSet::new();
    let words: Vec<String> = steps
        .into_iter()
        .map(|step| match step {
            Step::Stop => "stop".to_owned(),
            Step::Try { index, .. } if seen.insert(index) => index.to_string(),
            Step::Try { index, .. } => format!("+{index}"),
        })
        .collect();
    words.join(" ")
}

#[test]
fn each_fault_leads_to_the_next_sensible_place() {
    use FaultKind::{Auth, Broken, Cancelled, Connect, NotCalled, Overloaded, Refused, Timeout};
    let alone = [(Tier::None, false)];
    let two = [(Tier::None, false); 2];
    let tiers = [(Tier::Strong, false), (Tier::Strong, false), (Tier::Weak, false)];
    let one_strong = [(Tier::Strong, false), (Tier::Weak, false)];
    let shut = [(Tier::None, false), (Tier::None, true)];
    for (order, faults, expected) in [
        (&alone[..], &[Overloaded, Connect, Broken][..], "0 +0 +0 stop"),
        (&alone, &[Timeout], "0 stop"),
        (&alone, &[Auth], "0 stop"),
        (&alone, &[Refused], "0 stop"),
        (&two, &[Refused], "0 stop"),
        (&two, &[Cancelled], "0 stop"),
        (&two, &[Auth, Overloaded, Overloaded, Overloaded], "0 1 +1 +1 stop"),
        (&two, &[Overloaded, Overloaded, Overloaded, Overloaded], "0 1 +0 +1 stop"),
        (&two, &[NotCalled, NotCalled], "0 1 stop"),
        (&two, &[Timeout, Timeout], "0 1 stop"),
        (&two, &[Overloaded, Timeout, Overloaded, Overloaded], "0 1 +0 +0 stop"),
        (&tiers, &[Overloaded, Overloaded, Overloaded, Overloaded, Overloaded], "0 1 +0 +1 2 stop"),
        (&tiers, &[Timeout, Timeout, Overloaded, Overloaded], "0 1 2 +2 +2"),
        (&one_strong, &[Overloaded, Overloaded, Overloaded, Overloaded], "0 +0 +0 1 stop"),
        (&shut, &[Auth, NotCalled], "0 1 stop"),
        (&shut, &[Overloaded, Overloaded, Overloaded, NotCalled], "0 +0 +0 1 stop"),
        (&[], &[], "stop"),
    ] {
        assert_eq!(way(order, faults), expected, "{order:?} {faults:?}");
    }
}

#[test]
fn a_short_wait_that_was_asked_for_is_made_and_a_long_one_is_not() {
    let mut rng = StdRng::seed_from_u64(0);
    let mut alone = walk(&[(Tier::None, false)]);
    alone.first();
    let step = alone.after(&Fault::after(FaultKind::RateLimited, 3_000), &mut rng);
    assert_eq!(step, Step::Try { index: 0, pause: Duration::from_secs(3) });
    assert_eq!(alone.after(&Fault::after(FaultKind::RateLimited, 5_000), &mut rng), Step::Stop);

    let mut two = walk(&[(Tier::None, false), (Tier::None, false)]);
    two.first();
    let step = two.after(&Fault::after(FaultKind::RateLimited, 3_000), &mut rng);
    assert_eq!(step, Step::Try { index: 1, pause: Duration::ZERO });
    // The second is tried again first: it did not ask to wait. Then the first, which did.
    let Step::Try { index: 1, pause } = two.after(&FaultKind::Overloaded.into(), &mut rng) else { panic!("stopped") };
    assert!(pause <= Duration::from_millis(250));
    let step = two.after(&FaultKind::Overloaded.into(), &mut rng);
    assert_eq!(step, Step::Try { index: 0, pause: Duration::from_secs(3) });
}

#[test]
fn no_call_goes_on_for_ever() {
    let mut rng = StdRng::seed_from_u64(0);
    for n in 0..8 {
        let mut walk = walk(&vec![(Tier::None, false); n]);
        let mut n_tries = usize::from(walk.first() != Step::Stop);
        while walk.after(&FaultKind::Overloaded.into(), &mut rng) != Step::Stop {
            n_tries += 1;
        }
        assert_eq!(n_tries, if n == 0 { 0 } else { n + 2 });
        assert_eq!(walk.after(&FaultKind::Overloaded.into(), &mut rng), Step::Stop);
    }
}
