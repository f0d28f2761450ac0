use std::time::Duration;

use septet_contracts::jobs::JobState;
use septet_kernel::{Caller, Kind, Role};
use serde_json::json;

use crate::bench::{Bench, job};

#[tokio::test]
async fn a_job_runs_at_its_owner_in_the_name_of_who_asked_and_keeps_the_result() {
    let bench = Bench::new().await;
    let process = bench.start(bench.config()).await;
    let person = Caller { key: Some(bench.ids.next()), ..bench.person(Role::Member) };
    bench.people.put_key(person.key.unwrap());
    let made = process.jobs.enqueue(&person, &job(json!({}))).await.unwrap();
    assert_eq!((made.state, made.attempt, made.created_by), (JobState::Ready, 0, person.user));

    let done = process.until(&bench, made.id, |job| job.state == JobState::Done).await;

    assert_eq!((done.result, done.attempt, done.error), (Some(json!({"attempt": 1})), 1, None));
    assert!(done.finished_at.is_some() && !done.cancel_requested);
    let (id, attempt, caller) = bench.owner.seen().runs.remove(0);
    assert_eq!(
        (id, attempt, caller.tenant, caller.user, caller.key, caller.role),
        (made.id, 1, bench.tenant, person.user, person.key, Role::Member),
        "the job may do what whoever asked for it may do, and no more"
    );
}

#[tokio::test]
async fn progress_is_seen_while_the_job_runs() {
    let bench = Bench::new().await;
    let process = bench.start(bench.config()).await;
    let long = "页".repeat(500);
    let id = process.enqueue(&bench, json!({"note": long, "hang": true})).await;

    let running = process.until(&bench, id, |job| job.progress.done == 3).await;

    assert_eq!((running.state, running.progress.total), (JobState::Running, 10));
    assert_eq!(running.progress.note.chars().count(), 200);
    bench.owner.gate.notify_one();
    process.until(&bench, id, |job| job.state == JobState::Done && job.progress.done == 3).await;
}

#[tokio::test]
async fn a_job_that_fails_is_retried_after_its_back_off_until_it_is_done() {
    let bench = Bench::new().await;
    let process = bench.start(bench.config()).await;
    let id = process.enqueue(&bench, json!({"fail_until": 3})).await;
    for attempt in 1..3 {
        let waiting = process.until(&bench, id, |job| job.attempt >= attempt && job.state != JobState::Running).await;
        assert_eq!(waiting.error.unwrap().code, "scripted");
        bench.clock.advance(Duration::from_secs(5));
    }

    let done = process.until(&bench, id, |job| job.state == JobState::Done).await;

    assert_eq!((done.attempt, done.error, bench.owner.attempts()), (3, None, vec![1, 2, 3]));
}

#[tokio::test]
async fn a_job_out_of_attempts_is_a_dead_letter_that_a_person_can_retry() {
    let bench = Bench::new().await;
    let process = bench.start(bench.config()).await;
    let mut new = job(json!({"fail": true}));
    new.max_attempts = Some(2);
    let id = process.jobs.enqueue(&bench.caller(), &new).await.unwrap().id;
    process.until(&bench, id, |job| job.attempt == 1 && job.state == JobState::Ready).await;
    bench.clock.advance(Duration::from_secs(5));

    let dead = process.until(&bench, id, |job| job.state == JobState::Dead).await;

    assert_eq!((dead.attempt, dead.error.unwrap().message.as_str()), (2, "no luck"));
    assert!(dead.finished_at.is_some());
    let again = process.jobs.retry(&bench.caller(), id).await.unwrap();
    assert_eq!((again.attempt, again.finished_at), (0, None));
    process.until(&bench, id, |job| job.attempt == 1).await;
}

#[tokio::test]
async fn an_owner_hears_that_its_job_died_was_cancelled_or_begins_anew() {
    let bench = Bench::new().await;
    let process = bench.start(bench.config()).await;
    let mut new = job(json!({"break": true}));
    new.max_attempts = Some(1);
    let dead = process.jobs.enqueue(&bench.caller(), &new).await.unwrap().id;
    bench.owner.until(|seen| seen.moved == [(dead, JobState::Dead)]).await;

    process.jobs.retry(&bench.caller(), dead).await.unwrap();
    bench.owner.until(|seen| seen.moved.contains(&(dead, JobState::Ready))).await;

    let stopped = process.enqueue(&bench, json!({"hang": true})).await;
    bench.owner.until(|seen| seen.runs.iter().any(|(id, _, _)| *id == stopped)).await;
    process.jobs.cancel(&bench.caller(), stopped).await.unwrap();
    bench.owner.until(|seen| seen.moved.contains(&(stopped, JobState::Cancelled))).await;
}

#[tokio::test]
async fn a_failure_that_no_retry_helps_is_not_retried() {
    let bench = Bench::new().await;
    let process = bench.start(bench.config()).await;
    let said = process.enqueue(&bench, json!({"fail": true, "retry": false})).await;
    let refused = process.enqueue(&bench, json!({"refuse": 422})).await;
    for id in [said, refused] {
        let dead = process.until(&bench, id, |job| job.state == JobState::Dead).await;
        assert_eq!((dead.attempt, dead.error.unwrap().code.as_str()), (1, "scripted"));
    }
}

#[tokio::test]
async fn an_owner_that_breaks_off_or_stumbles_is_asked_again() {
    let bench = Bench::new().await;
    let process = bench.start(bench.config()).await;
    for (script, code) in [
        (json!({"break": true}), "broken_off"),
        (json!({"refuse": 500}), "scripted"),
        (json!({"refuse": 503}), "scripted"),
        (json!({"refuse": 429}), "scripted"),
        (json!({"raw": "{\"type\":\"done\"\n"}), "garbled_answer"),
    ] {
        let id = process.enqueue(&bench, script.clone()).await;
        let waiting = process.until(&bench, id, |job| job.attempt == 1 && job.state == JobState::Ready).await;
        assert_eq!(waiting.error.unwrap().code, code, "{script}");
        process.jobs.cancel(&bench.caller(), id).await.unwrap();
    }
}

#[tokio::test]
async fn what_a_newer_owner_says_is_passed_by() {
    let bench = Bench::new().await;
    let process = bench.start(bench.config()).await;
    let id = process.enqueue(&bench, json!({"raw": "{\"type\":\"heartbeat\",\"load\":0.5}\n\n"})).await;
    process.until(&bench, id, |job| job.state == JobState::Done).await;
}

#[tokio::test]
async fn an_owner_that_says_nothing_is_given_up() {
    let bench = Bench::new().await;
    let process = bench.start(septet_async_worker::Config { silence_s: 1, ..bench.config() }).await;
    let silent = process.enqueue(&bench, json!({"hang": true})).await;
    let talking = process.enqueue(&bench, json!({"chatter": true})).await;

    let waiting = process.until(&bench, silent, |job| job.attempt == 1 && job.state == JobState::Ready).await;

    assert_eq!(waiting.error.unwrap().code, "silent");
    bench.owner.until(|seen| seen.n_dropped == 1).await;
    let talking = process.jobs.get(&bench.caller(), talking).await.unwrap();
    assert_eq!((talking.state, talking.attempt), (JobState::Running, 1));
}

#[tokio::test]
async fn an_owner_that_is_not_there_yet_costs_no_attempt() {
    let bench = Bench::new().await;
    let process = bench.start_alone(bench.config()).await;
    let id = process.enqueue(&bench, json!({})).await;
    let waiting = process.until(&bench, id, |job| job.error.is_some() && job.state == JobState::Ready).await;
    assert_eq!((waiting.attempt, waiting.error.unwrap().code.as_str()), (0, "service_down"));

    process.plug(&bench.owner);
    bench.clock.advance(Duration::from_secs(5));

    let done = process.until(&bench, id, |job| job.state == JobState::Done).await;
    assert_eq!(done.attempt, 1);
}

#[tokio::test]
async fn cancelling_a_running_job_stops_its_owner() {
    let bench = Bench::new().await;
    let process = bench.start(bench.config()).await;
    let id = process.enqueue(&bench, json!({"note": "begun", "hang": true})).await;
    process.until(&bench, id, |job| job.progress.done == 3).await;

    process.jobs.cancel(&bench.caller(), id).await.unwrap();

    bench.owner.until(|seen| seen.n_dropped == 1 && seen.n_running == 0).await;
    process.until(&bench, id, |job| job.state == JobState::Cancelled).await;
    assert_eq!(process.jobs.cancel(&bench.caller(), id).await.unwrap().state, JobState::Cancelled);
    assert_eq!(bench.owner.attempts(), [1]);
}

#[tokio::test]
async fn a_job_is_cancelled_from_another_process_at_the_next_renewal() {
    let bench = Bench::new().await;
    let worker = bench.start(septet_async_worker::Config { lease_s: 1, ..bench.config() }).await;
    let id = worker.enqueue(&bench, json!({"hang": true})).await;
    bench.owner.until(|seen| seen.n_running == 1).await;
    // Another queue object over the same table is what another process has.
    let elsewhere = bench.start_alone(bench.config()).await;
    elsewhere.platform.lifecycle.stop();

    elsewhere.jobs.cancel(&bench.caller(), id).await.unwrap();

    worker.until(&bench, id, |job| job.state == JobState::Cancelled).await;
    assert_eq!(bench.owner.seen().n_dropped, 1);
}

#[tokio::test]
async fn cancelling_a_job_that_is_done_is_a_conflict() {
    let bench = Bench::new().await;
    let process = bench.start(bench.config()).await;
    let id = process.enqueue(&bench, json!({})).await;
    process.until(&bench, id, |job| job.state == JobState::Done).await;
    assert_eq!(process.jobs.cancel(&bench.caller(), id).await.unwrap_err().kind, Kind::Conflict);
    assert_eq!(process.jobs.retry(&bench.caller(), id).await.unwrap_err().kind, Kind::Conflict);
}
