use proptest::prelude::*;

use super::*;

/// A streamed answer: `first` ms to the first token, `token` ms for each of 100 further ones.
fn stream(pace: &Pace, now_ms: u64, first: u64, token: u64) {
    let mut flight = pace.enter(now_ms);
    flight.first_token(now_ms + first);
    flight.done(now_ms + first + 100 * token, 101);
}

#[test]
fn nothing_is_predicted_before_anything_was_seen() {
    let pace = Pace::default();
    assert_eq!(pace.predicted_ms(0, 100), None);
    let _flight = pace.enter(0);
    assert_eq!(pace.predicted_ms(0, 100), None);
}

#[test]
fn the_first_token_and_the_others_are_learned_apart() {
    let pace = Pace::default();
    stream(&pace, 0, 300, 10);
    let now = 1_300;
    assert_eq!(pace.means_ms(now), (Some(300.0), Some(10.0)));
    assert_eq!(pace.predicted_ms(now, 1), Some(300.0));
    assert_eq!(pace.predicted_ms(now, 0), Some(300.0));
    assert_eq!(pace.predicted_ms(now, 501), Some(5_300.0));
}

#[test]
fn calls_under_way_are_counted_until_they_end_in_whatever_way() {
    let pace = Pace::default();
    let flights: Vec<Flight> = (0..4).map(|_| pace.enter(0)).collect();
    assert_eq!(pace.in_flight(), 4);
    let mut flights = flights.into_iter();
    flights.next().unwrap().done(10, 5);
    flights.next().unwrap().failed(10);
    flights.next().unwrap().left(10);
    assert_eq!(pace.in_flight(), 1);
    drop(flights);
    assert_eq!(pace.in_flight(), 0);
}

#[test]
fn an_answer_that_came_whole_teaches_its_length_and_its_time() {
    let pace = Pace::default();
    for n in 0..200_u64 {
        let out = if n % 2 == 0 { 50 } else { 400 };
        pace.enter(n * 100).done(n * 100 + 400 + 8 * (out - 1), out);
    }
    let now = 20_000;
    for out in [50, 400] {
        let predicted = pace.predicted_ms(now, out).unwrap();
        let truth = 400.0 + 8.0 * f64::from(u32::try_from(out).unwrap() - 1);
        assert!((predicted / truth - 1.0).abs() < 0.35, "{out}: {predicted} for {truth}");
    }
}

#[test]
fn old_samples_fade() {
    let pace = Pace::default();
    for n in 0..50 {
        stream(&pace, n, 1_000, 10);
    }
    // A minute later a single quick one counts as much as a quarter of all the old ones would, and not 1 of 51.
    for n in 0..10 {
        stream(&pace, 60_000 + n, 200, 10);
    }
    let (first, _) = pace.means_ms(62_000);
    assert!(first.unwrap() < 680.0, "{first:?}");
}

#[test]
fn slowness_is_noticed_at_once_and_good_news_slowly() {
    let pace = Pace::default();
    for n in 0..100 {
        stream(&pace, n, 300, 10);
    }
    stream(&pace, 100, 3_000, 10);
    let slow = pace.means_ms(5_000).0.unwrap();
    assert!(slow > 1_000.0, "{slow}");
    stream(&pace, 4_000, 300, 10);
    assert!(pace.means_ms(5_000).0.unwrap() > 900.0);
}

#[test]
fn quick_refusals_do_not_look_quick() {
    let pace = Pace::default();
    stream(&pace, 0, 300, 10);
    for n in 0..5 {
        pace.enter(2_000 + n).failed(2_010 + n);
    }
    assert!(pace.predicted_ms(2_020, 1).unwrap() > 3_000.0);
    pace.enter(3_000).failed(33_000);
    assert!(pace.predicted_ms(33_000, 1).unwrap() > 10_000.0, "a time-out counts as long as it took");
}

#[test]
fn a_client_that_left_says_something_only_after_a_long_wait() {
    let pace = Pace::default();
    stream(&pace, 0, 300, 10);
    pace.enter(1_000).left(1_100);
    assert_eq!(pace.means_ms(1_300).0, Some(300.0));
    pace.enter(2_000).left(4_000);
    assert!(pace.means_ms(4_000).0.unwrap() > 300.0);
}

#[test]
fn after_two_minutes_of_silence_it_is_unexplored_again() {
    let pace = Pace::default();
    stream(&pace, 0, 300, 10);
    assert!(pace.predicted_ms(100_000, 10).is_some());
    assert_eq!(pace.predicted_ms(200_000, 10), None);
    stream(&pace, 200_000, 900, 10);
    assert_eq!(pace.means_ms(201_900).0, Some(900.0), "what was before is not mixed in");
}

#[test]
fn few_tokens_in_one_packet_do_not_make_writing_look_instant() {
    let pace = Pace::default();
    stream(&pace, 0, 300, 10);
    let mut flight = pace.enter(2_000);
    flight.first_token(2_300);
    flight.done(2_300, 3);
    assert_eq!(pace.means_ms(2_300).1, Some(10.0));
}

#[test]
fn one_that_turns_slow_is_noticed_while_it_writes() {
    let pace = Pace::default();
    stream(&pace, 0, 300, 10);
    let mut flight = pace.enter(2_000);
    flight.first_token(2_300);
    for n in 1..20 {
        flight.wrote(2_300 + n * 100, 1 + n);
    }
    let (_, token) = pace.means_ms(4_300);
    assert!(token.unwrap() > 35.0, "{token:?}");
    // What was learned from is not learned from again.
    flight.done(4_300, 21);
    assert!(pace.means_ms(4_300).1.unwrap() < 80.0);
}

#[test]
fn words_that_come_before_the_first_token_was_told_teach_nothing() {
    let pace = Pace::default();
    let mut flight = pace.enter(0);
    flight.wrote(5_000, 100);
    assert_eq!(pace.means_ms(5_000), (None, None));
    drop(flight);
}

#[test]
fn recent_calls_are_counted_less_the_older_they_are() {
    let pace = Pace::default();
    for _ in 0..8 {
        drop(pace.enter(0));
    }
    assert!((pace.recent(0) - 8.0).abs() < 1e-9);
    assert!((pace.recent(30_000) - 4.0).abs() < 1e-9);
    assert!((pace.recent(60_000) - 2.0).abs() < 1e-9);
}

proptest! {
    #[test]
    fn a_prediction_is_always_a_number_between_the_extremes(
        calls in proptest::collection::vec((0_u64..50_000, 0_u64..100_000, 0_u64..100_000, any::<u32>(), 0_u8..4), 1..100),
        expected in any::<u32>(),
    ) {
        let pace = Pace::default();
        let mut now = 1_000_000;
        for (wait, first, rest, output, how) in calls {
            // Time may go back a little between threads.
            now = (now + wait).saturating_sub(5);
            let mut flight = pace.enter(now);
            match how {
                0 => flight.failed(now + first),
                1 => flight.left(now + first),
                2 => flight.done(now + first, u64::from(output)),
                _ => {
                    flight.first_token(now + first);
                    flight.done(now + first + rest, u64::from(output));
                }
            }
            if let Some(predicted) = pace.predicted_ms(now, u64::from(expected)) {
                prop_assert!(predicted.is_finite() && predicted >= 0.0);
            }
            prop_assert!(pace.recent(now).is_finite());
        }
        prop_assert_eq!(pace.in_flight(), 0);
    }
}
