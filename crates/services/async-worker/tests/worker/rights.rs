use std::time::Duration;

use septet_async_worker::Config;
use septet_contracts::jobs::{Job, JobState};
use septet_kernel::{Caller, Role};
use serde_json::{Value, json};

use crate::bench::{Bench, Process, job};

async fn ended(bench: &Bench, process: &Process, by: &Caller, payload: Value) -> Job {
    let id = process.jobs.enqueue(by, &job(payload)).await.unwrap().id;
    process.until(bench, id, |job| matches!(job.state, JobState::Done | JobState::Dead)).await
}

fn code(job: &Job) -> &str {
    job.error.as_ref().map_or("", |error| error.code.as_str())
}

#[tokio::test]
async fn a_members_job_cannot_do_what_only_an_owner_may() {
    let bench = Bench::new().await;
    let process = bench.start(bench.config()).await;
    let script = || json!({"needs": "tenant.write"});

    let members = ended(&bench, &process, &bench.person(Role::Member), script()).await;
    let owners = ended(&bench, &process, &bench.person(Role::Owner), script()).await;
    // A service that asks for its tenant gets no more than it came with either.
    let services = ended(&bench, &process, &bench.caller(), script()).await;

    assert_eq!((members.state, code(&members)), (JobState::Dead, "forbidden"));
    assert_eq!((owners.state, code(&owners)), (JobState::Done, ""));
    assert_eq!((services.state, code(&services)), (JobState::Dead, "forbidden"));
}

#[tokio::test]
async fn an_owners_retry_gives_a_members_job_no_more_rights() {
    let bench = Bench::new().await;
    let process = bench.start(bench.config()).await;
    let dead = ended(&bench, &process, &bench.person(Role::Member), json!({"needs": "tenant.write"})).await;

    process.jobs.retry(&bench.person(Role::Owner), dead.id).await.unwrap();

    bench.owner.until(|seen| seen.runs.len() == 2 && seen.n_running == 0).await;
    let again = process.until(&bench, dead.id, |job| job.state == JobState::Dead).await;
    assert_eq!(code(&again), "forbidden");
    assert_eq!(bench.owner.seen().runs[1].2.role, Role::Member);
}

#[tokio::test]
async fn a_job_runs_with_the_lesser_of_the_rights_then_and_now() {
    let bench = Bench::new().await;
    let process = bench.start_alone(bench.config()).await;
    let (risen, fallen) = (bench.person(Role::Member), bench.person(Role::Owner));
    let mut ids = Vec::new();
    for person in [&risen, &fallen] {
        ids.push(process.jobs.enqueue(person, &job(json!({}))).await.unwrap().id);
    }
    for id in &ids {
        process.until(&bench, *id, |job| code(job) == "service_down" && job.state == JobState::Ready).await;
    }
    bench.people.put(risen.user.unwrap(), Role::Owner);
    bench.people.put(fallen.user.unwrap(), Role::Viewer);

    process.plug(&bench.owner);
    bench.clock.advance(Duration::from_secs(5));
    for id in &ids {
        process.until(&bench, *id, |job| job.state == JobState::Done).await;
    }

    let runs = bench.owner.seen().runs;
    let role = |person: &Caller| runs.iter().find(|(_, _, caller)| caller.user == person.user).unwrap().2.role;
    assert_eq!((role(&risen), role(&fallen)), (Role::Member, Role::Viewer));
}

#[tokio::test]
async fn the_job_of_somebody_who_was_locked_out_is_a_dead_letter_that_runs_once_they_are_back() {
    let bench = Bench::new().await;
    let process = bench.start(bench.config()).await;
    let gone = bench.person(Role::Member);
    bench.people.lock_out(gone.user.unwrap());

    let dead = ended(&bench, &process, &gone, json!({})).await;

    assert_eq!((dead.state, code(&dead), bench.owner.attempts()), (JobState::Dead, "rights_lost", vec![]));
    bench.owner.until(|seen| seen.moved == [(dead.id, JobState::Dead)]).await;
    bench.people.put(gone.user.unwrap(), Role::Member);
    process.jobs.retry(&bench.person(Role::Admin), dead.id).await.unwrap();
    process.until(&bench, dead.id, |job| job.state == JobState::Done).await;
}

#[tokio::test]
async fn the_jobs_of_a_revoked_key_and_of_a_locked_tenant_are_not_run() {
    let bench = Bench::new().await;
    let process = bench.start(bench.config()).await;
    let by_key = Caller { key: Some(bench.ids.next()), ..bench.person(Role::Member) };
    bench.people.put_key(by_key.key.unwrap());
    let ran_out = ended(&bench, &process, &by_key, json!({})).await;
    assert_eq!(ran_out.state, JobState::Done, "a key that merely ran out was good when the job was taken");

    bench.people.revoke(by_key.key.unwrap());
    let revoked = ended(&bench, &process, &by_key, json!({})).await;
    bench.people.lock_tenant(bench.tenant);
    let locked = ended(&bench, &process, &bench.caller(), json!({})).await;

    assert_eq!((code(&revoked), code(&locked)), ("rights_lost", "rights_lost"));
    assert_eq!(bench.owner.attempts(), [1]);
}

#[tokio::test]
async fn a_job_stops_when_whoever_asked_for_it_is_locked_out_while_it_runs() {
    let bench = Bench::new().await;
    let process = bench.start(Config { lease_s: 1, ..bench.config() }).await;
    let person = bench.person(Role::Member);
    let id = process.jobs.enqueue(&person, &job(json!({"hang": true}))).await.unwrap().id;
    bench.owner.until(|seen| seen.n_running == 1).await;

    bench.people.lock_out(person.user.unwrap());

    bench.owner.until(|seen| seen.n_dropped == 1).await;
    let dead = process.until(&bench, id, |job| job.state == JobState::Dead).await;
    assert_eq!((code(&dead), bench.owner.attempts()), ("rights_lost", vec![1]));
}

#[tokio::test]
async fn a_job_waits_while_nobody_can_say_what_it_may_do() {
    let bench = Bench::new().await;
    let process = bench.start(bench.config()).await;
    let person = bench.person(Role::Member);
    bench.people.be_away(true);

    let id = process.jobs.enqueue(&person, &job(json!({}))).await.unwrap().id;
    let waiting = process.until(&bench, id, |job| job.error.is_some() && job.state == JobState::Ready).await;
    assert_eq!((waiting.attempt, bench.owner.attempts()), (0, vec![]));

    bench.people.be_away(false);
    bench.clock.advance(Duration::from_secs(5));
    process.until(&bench, id, |job| job.state == JobState::Done).await;
}
