use septet_contracts::call::CallError;
use septet_contracts::jobs::{JobFilter, JobState, NewJob};
use septet_kernel::{Caller, JobId, Kind, Role, ServiceName};
use serde_json::json;

use crate::bench::{Bench, Process, job};

/// A process that takes jobs and runs none.
async fn idle(bench: &Bench) -> Process {
    let process = bench.start_alone(bench.config()).await;
    process.platform.lifecycle.finish(std::time::Duration::from_secs(10)).await;
    process
}

#[tokio::test]
async fn odd_jobs_are_refused_by_field() {
    let bench = Bench::new().await;
    let process = idle(&bench).await;
    let refused = async |new: NewJob| {
        let error: CallError = process.jobs.enqueue(&bench.caller(), &new).await.unwrap_err();
        assert_eq!(error.kind, Kind::Unprocessable, "{error}");
        error.param.unwrap()
    };
    let good = || job(json!({}));
    for kind in ["", "A.b", "a b", "a/b", "财报", &"a".repeat(65)] {
        assert_eq!(refused(NewJob { kind: kind.to_owned(), ..good() }).await, "kind");
    }
    assert_eq!(refused(NewJob { payload: json!("x".repeat(65_536)), ..good() }).await, "payload");
    for key in ["", "a\0b", &"k".repeat(201)] {
        assert_eq!(refused(good().once(key)).await, "idempotency_key");
    }
    for max_attempts in [0, 26, u32::MAX] {
        assert_eq!(refused(NewJob { max_attempts: Some(max_attempts), ..good() }).await, "max_attempts");
    }
    assert_eq!(refused(NewJob { priority: Some(101), ..good() }).await, "priority");
    for run_at in [-1, i64::MAX, i64::MIN] {
        assert_eq!(refused(NewJob { run_at: Some(run_at), ..good() }).await, "run_at");
    }
    let odd = NewJob { payload: json!({"名": "年报'\";--\n\u{1f4c8}\0"}), ..good() };
    let made = process.jobs.enqueue(&bench.caller(), &odd).await.unwrap();
    assert_eq!(made.payload, odd.payload);
}

#[tokio::test]
async fn the_same_key_gives_the_same_job_and_another_payload_is_a_conflict() {
    let bench = Bench::new().await;
    let process = idle(&bench).await;
    let new = job(json!({"file": 1})).once("vs_1/file-1");
    let first = process.jobs.enqueue(&bench.caller(), &new).await.unwrap();

    assert_eq!(process.jobs.enqueue(&bench.caller(), &new).await.unwrap(), first);
    let other = job(json!({"file": 2})).once("vs_1/file-1");
    let error = process.jobs.enqueue(&bench.caller(), &other).await.unwrap_err();
    assert_eq!((error.kind, error.code.as_str()), (Kind::Conflict, "idempotency_key_reused"));
    assert!(error.detail.contains(&first.id.to_string()), "{error}");
}

#[tokio::test]
async fn another_tenants_jobs_do_not_exist() {
    let bench = Bench::new().await;
    let process = idle(&bench).await;
    let id = process.enqueue(&bench, json!({})).await;
    let stranger = Caller::background(bench.ids.next(), bench.ids.next());

    assert_eq!(process.jobs.get(&stranger, id).await.unwrap_err().kind, Kind::NotFound);
    assert_eq!(process.jobs.cancel(&stranger, id).await.unwrap_err().kind, Kind::NotFound);
    assert_eq!(process.jobs.retry(&stranger, id).await.unwrap_err().kind, Kind::NotFound);
    assert!(process.jobs.list(&stranger, &JobFilter::default()).await.unwrap().data.is_empty());
    assert_eq!(process.jobs.get(&bench.caller(), id).await.unwrap().state, JobState::Ready);
}

#[tokio::test]
async fn a_viewer_looks_and_touches_nothing() {
    let bench = Bench::new().await;
    let process = idle(&bench).await;
    let id = process.enqueue(&bench, json!({})).await;
    let viewer = Caller { role: Role::Viewer, ..bench.caller() };

    assert!(process.jobs.get(&viewer, id).await.is_ok());
    assert_eq!(process.jobs.list(&viewer, &JobFilter::default()).await.unwrap().data.len(), 1);
    assert_eq!(process.jobs.enqueue(&viewer, &job(json!({}))).await.unwrap_err().kind, Kind::Forbidden);
    assert_eq!(process.jobs.cancel(&viewer, id).await.unwrap_err().kind, Kind::Forbidden);
    assert_eq!(process.jobs.retry(&viewer, id).await.unwrap_err().kind, Kind::Forbidden);
}

#[tokio::test]
async fn jobs_are_listed_newest_first_in_pages_by_state_and_kind() {
    let bench = Bench::new().await;
    let process = idle(&bench).await;
    let mut ids: Vec<JobId> = Vec::new();
    for n in 0..5 {
        bench.clock.advance(std::time::Duration::from_millis(2));
        let new = NewJob::new(format!("kind.{}", n % 2), ServiceName::KnowledgeEngine, json!(null));
        ids.insert(0, process.jobs.enqueue(&bench.caller(), &new).await.unwrap().id);
    }
    process.jobs.cancel(&bench.caller(), ids[0]).await.unwrap();
    let listed = async |filter: JobFilter| {
        let page = process.jobs.list(&bench.caller(), &filter).await.unwrap();
        (page.data.iter().map(|job| job.id).collect::<Vec<_>>(), page.has_more)
    };

    assert_eq!(listed(JobFilter::default()).await, (ids.clone(), false));
    let first = JobFilter { limit: Some(2), ..JobFilter::default() };
    assert_eq!(listed(first.clone()).await, (ids[..2].to_vec(), true));
    assert_eq!(listed(JobFilter { after: Some(ids[2]), ..first }).await, (ids[3..].to_vec(), false));
    let cancelled = JobFilter { state: Some(JobState::Cancelled), ..JobFilter::default() };
    assert_eq!(listed(cancelled).await, (vec![ids[0]], false));
    let odd = JobFilter { kind: Some("kind.1".to_owned()), ..JobFilter::default() };
    assert_eq!(listed(odd).await, (vec![ids[1], ids[3]], false));
    for kind in ["' OR 1=1 --", "\0", "", "kind.2"] {
        let none = JobFilter { kind: Some(kind.to_owned()), ..JobFilter::default() };
        assert_eq!(listed(none).await, (vec![], false));
    }
}
