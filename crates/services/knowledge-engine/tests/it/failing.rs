//! Readings that fail: file, document and job say the same, and a retry mends all of them.

use std::time::Duration;

use axum::http::StatusCode;
use futures::StreamExt;
use septet_contracts::jobs::{Job, JobEvent, JobState};
use septet_contracts::knowledge::{VectorStoreFile, VectorStoreFileStatus};
use septet_kernel::{Caller, FileId, TenantId, VectorStoreId};

use crate::harness::Harness;

struct Waiting {
    harness: Harness,
    caller: Caller,
    store: VectorStoreId,
    file: FileId,
    tenant: TenantId,
    job: Job,
}

impl Waiting {
    /// A file whose job waits to be run.
    async fn new() -> Self {
        let harness = Harness::with(|config| config.embedding_model = "any".to_owned()).await;
        let caller = harness.somebody();
        let store = harness.store(&caller, "base").await.id;
        let file = harness.upload(&caller, "dogs.txt", "A hound barked at the ship.").await.id;
        harness.attach(&caller, store, file).await;
        let (tenant, job) = harness.peers.take_job().unwrap();
        Self { harness, caller, store, file, tenant, job }
    }

    async fn run(&self, attempt: u32) -> JobEvent {
        let events = self.harness.start_attempt(self.tenant, &self.job, attempt).await;
        events.collect::<Vec<_>>().await.pop().unwrap()
    }

    async fn file(&self) -> VectorStoreFile {
        self.harness.knowledge.attachment(&self.caller, self.store, self.file).await.unwrap()
    }

    async fn state(&self) -> (VectorStoreFileStatus, Option<String>) {
        let file = self.file().await;
        (file.status, file.last_error.map(|error| error.code))
    }
}

async fn until_it_ends(harness: &Harness, caller: &Caller, store: VectorStoreId, file: FileId) {
    let ended = async {
        while harness.knowledge.attachment(caller, store, file).await.unwrap().status
            == VectorStoreFileStatus::InProgress
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), ended).await.unwrap();
}

fn wants_retry(end: &JobEvent) -> bool {
    matches!(end, JobEvent::Failed { retry: true, .. })
}

#[tokio::test]
async fn a_file_says_why_it_waits_and_fails_with_the_last_attempt() {
    let waiting = Waiting::new().await;
    waiting.harness.peers.fail_embedding(Some(StatusCode::SERVICE_UNAVAILABLE));

    assert!(wants_retry(&waiting.run(1).await));
    let file = waiting.file().await;
    assert_eq!((file.status, file.last_error), (VectorStoreFileStatus::InProgress, None));
    let why = file.septet.retrying.unwrap();
    assert_eq!(why.code, "scripted");
    assert!(why.message.contains("no vectors today"), "{why:?}");

    assert!(wants_retry(&waiting.run(25).await));
    assert_eq!(waiting.state().await, (VectorStoreFileStatus::Failed, Some("scripted".to_owned())));

    // The job is started anew by a person, and the model is back.
    waiting.harness.peers.fail_embedding(None);
    waiting.harness.move_job(waiting.tenant, &waiting.job, JobState::Ready, true).await;
    assert_eq!(waiting.state().await, (VectorStoreFileStatus::InProgress, None));
    assert!(matches!(waiting.run(1).await, JobEvent::Done { .. }));
    let file = waiting.file().await;
    assert_eq!((file.status, file.last_error, file.septet.retrying), (VectorStoreFileStatus::Completed, None, None));
}

#[tokio::test]
async fn a_failure_that_waiting_does_not_mend_is_told_at_once() {
    let waiting = Waiting::new().await;
    for status in [StatusCode::PAYMENT_REQUIRED, StatusCode::NOT_FOUND, StatusCode::UNPROCESSABLE_ENTITY] {
        waiting.harness.peers.fail_embedding(Some(status));

        assert!(matches!(waiting.run(1).await, JobEvent::Failed { retry: false, .. }), "{status}");

        assert_eq!(waiting.state().await, (VectorStoreFileStatus::Failed, Some("scripted".to_owned())), "{status}");
    }
    // Put in again, it is read.
    waiting.harness.peers.fail_embedding(None);
    waiting.harness.attach(&waiting.caller, waiting.store, waiting.file).await;
    waiting.harness.work().await;
    assert_eq!(waiting.state().await, (VectorStoreFileStatus::Completed, None));
}

#[tokio::test]
async fn a_job_that_ends_without_its_file_takes_the_file_along() {
    let waiting = Waiting::new().await;
    waiting.harness.move_job(waiting.tenant, &waiting.job, JobState::Dead, true).await;
    assert_eq!(waiting.state().await, (VectorStoreFileStatus::Failed, Some("worker_lost".to_owned())));

    waiting.harness.move_job(waiting.tenant, &waiting.job, JobState::Ready, true).await;
    assert_eq!(waiting.state().await, (VectorStoreFileStatus::InProgress, None));

    waiting.harness.move_job(waiting.tenant, &waiting.job, JobState::Cancelled, true).await;
    assert_eq!(waiting.state().await, (VectorStoreFileStatus::Cancelled, None));

    // Told late of a retry: the job was stopped again meanwhile.
    waiting.harness.tell(waiting.tenant, &waiting.job, JobState::Ready, None).await;
    assert_eq!(waiting.state().await, (VectorStoreFileStatus::Cancelled, None));

    // A retry that is delivered before anybody told of it.
    waiting.harness.move_job(waiting.tenant, &waiting.job, JobState::Ready, false).await;
    assert!(matches!(waiting.run(1).await, JobEvent::Done { .. }));
    assert_eq!(waiting.state().await, (VectorStoreFileStatus::Completed, None));
}

#[tokio::test]
async fn an_attempt_that_fails_late_leaves_what_its_successor_read() {
    let waiting = Waiting::new().await;
    let fail = waiting.harness.peers.hold_embedding();
    let mut late = waiting.harness.start_attempt(waiting.tenant, &waiting.job, 1).await;
    while waiting.harness.peers.is_embedding_idle() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(matches!(waiting.run(2).await, JobEvent::Done { .. }));

    fail.send(StatusCode::UNPROCESSABLE_ENTITY).unwrap();

    let mut end = None;
    while let Some(event) = late.next().await {
        end = Some(event);
    }
    assert!(matches!(end, Some(JobEvent::Failed { .. })), "{end:?}");
    assert_eq!(waiting.state().await, (VectorStoreFileStatus::Completed, None));
}

#[tokio::test]
async fn an_engine_that_was_away_when_a_job_died_finds_out() {
    let mut waiting = Waiting::new().await;
    waiting.harness.move_job(waiting.tenant, &waiting.job, JobState::Dead, false).await;

    waiting.harness = waiting.harness.restart().await;

    until_it_ends(&waiting.harness, &waiting.caller, waiting.store, waiting.file).await;
    assert_eq!(waiting.state().await, (VectorStoreFileStatus::Failed, Some("worker_lost".to_owned())));
}

#[tokio::test]
async fn a_file_that_cannot_be_asked_about_holds_up_no_other_and_one_just_put_in_is_left_alone() {
    let harness = Harness::start().await;
    let caller = harness.somebody();
    let store = harness.store(&caller, "base").await.id;
    let mut files = Vec::new();
    for name in ["a.txt", "b.txt", "c.txt"] {
        files.push(harness.upload(&caller, name, "A hound barked.").await.id);
    }
    // The order in which they are asked about.
    files.sort();
    let [young, refused, dead] = files[..] else { unreachable!() };
    harness.attach(&caller, store, refused).await;
    harness.attach(&caller, store, dead).await;
    let harness = harness.restart().await;
    harness.attach(&caller, store, young).await;
    harness.peers.refuse(refused);
    while let Some((tenant, job)) = harness.peers.take_job() {
        harness.move_job(tenant, &job, JobState::Dead, false).await;
    }

    let harness = harness.restart_after(Duration::ZERO).await;

    until_it_ends(&harness, &caller, store, dead).await;
    for file in [young, refused] {
        let file = harness.knowledge.attachment(&caller, store, file).await.unwrap();
        assert_eq!(file.status, VectorStoreFileStatus::InProgress, "{file:?}");
    }
}
