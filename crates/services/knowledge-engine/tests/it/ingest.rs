//! Reading files: what fails and how, what survives a crash.

use futures::StreamExt;
use septet_contracts::jobs::JobEvent;
use septet_contracts::knowledge::VectorStoreFileStatus;

use crate::harness::{Harness, sample_report};

#[tokio::test]
async fn a_file_that_cannot_be_read_says_why_and_what_to_do() {
    let harness = Harness::start().await;
    let caller = harness.somebody();
    let store = harness.store(&caller, "bad").await;
    let mut zip = b"PK\x03\x04".to_vec();
    zip.extend([0; 200]);
    for (name, bytes, code) in [
        ("empty.pdf", Vec::new(), "empty_file"),
        ("blank.txt", b" \n\n ".to_vec(), "empty_file"),
        ("broken.pdf", b"%PDF-1.7\nthis is no PDF".to_vec(), "pdf_broken"),
        ("locked.pdf", encrypted_pdf(), "pdf_encrypted"),
        ("scanned.pdf", pdf_without_text(), "no_text"),
        ("book.docx", zip, "unsupported_type"),
    ] {
        let file = harness.ingest(&caller, store.id, name, bytes).await;

        assert_eq!(file.status, VectorStoreFileStatus::Failed, "{name}");
        let error = file.last_error.unwrap();
        assert_eq!(error.code, code, "{name}: {}", error.message);
        assert!(error.message.contains("upload") || error.message.contains("save"), "{name}: {}", error.message);
    }
    let counts = harness.knowledge.store(&caller, store.id).await.unwrap().file_counts;
    assert_eq!((counts.failed, counts.total), (6, 6));
}

#[tokio::test]
async fn a_file_that_failed_can_be_added_again() {
    let harness = Harness::start().await;
    let caller = harness.somebody();
    let store = harness.store(&caller, "bad").await;
    let failed = harness.ingest(&caller, store.id, "broken.pdf", b"%PDF-1.7\nthis is no PDF".to_vec()).await;
    assert_eq!(failed.status, VectorStoreFileStatus::Failed);

    let again = harness.attach(&caller, store.id, failed.id).await;
    assert_eq!((again.status, again.last_error), (VectorStoreFileStatus::InProgress, None));
    let ends = harness.work().await;
    assert!(matches!(ends.as_slice(), [JobEvent::Failed { retry: false, .. }]), "{ends:?}");
}

#[tokio::test]
async fn a_file_larger_than_allowed_is_refused_before_it_is_read() {
    let harness = Harness::with(|config| config.max_file_bytes = 100).await;
    let caller = harness.somebody();
    let stored = harness.blobs.put(vec![b'a'; 101]).await.unwrap();
    let new =
        septet_contracts::knowledge::NewFile { blob: stored.id, filename: "a.txt".into(), bytes: 1, purpose: None };

    let refused = harness.knowledge.add_file(&caller, &new).await.unwrap_err();

    assert_eq!(refused.kind, septet_kernel::Kind::TooLarge);
}

#[tokio::test]
async fn a_reading_that_was_stopped_goes_on_at_the_page_where_it_was() {
    let harness = Harness::start().await;
    let caller = harness.somebody();
    let store = harness.store(&caller, "report").await;
    let file = harness.upload(&caller, "report.pdf", sample_report()).await;
    harness.attach(&caller, store.id, file.id).await;
    let (tenant, job) = harness.peers.take_job().unwrap();

    // Stopped once the first pages are kept.
    let mut events = harness.start_job(tenant, &job).await;
    let kept = loop {
        let _event = events.next().await.unwrap();
        let done = harness.knowledge.attachment(&caller, store.id, file.id).await.unwrap().septet.pages_done;
        if done > 0 {
            break done;
        }
    };
    drop(events);
    let harness = harness.restart().await;
    let stopped = harness.knowledge.attachment(&caller, store.id, file.id).await.unwrap();
    assert_eq!(stopped.status, VectorStoreFileStatus::InProgress);

    let mut events = harness.start_job(tenant, &job).await;
    let mut first_page = None;
    let mut last = None;
    while let Some(event) = events.next().await {
        if let JobEvent::Progress { done, note, .. } = &event
            && note == "parsing"
        {
            first_page.get_or_insert(*done);
        }
        last = Some(event);
    }
    assert!(matches!(last, Some(JobEvent::Done { .. })), "{last:?}");
    assert!(
        first_page.is_none_or(|page| page > u64::from(kept)),
        "began again at {first_page:?} although {kept} pages were kept"
    );
    let ready = harness.knowledge.attachment(&caller, store.id, file.id).await.unwrap();
    assert_eq!((ready.septet.pages_done, ready.septet.pages_total), (37, 37));
    let whole = Harness::start().await;
    let store = whole.store(&caller, "whole").await;
    let at_once = whole.ingest(&caller, store.id, "report.pdf", sample_report()).await;
    assert_eq!(ready.septet.n_chunks, at_once.septet.n_chunks);
}

#[tokio::test]
async fn two_readings_at_once_never_leave_half_a_document() {
    let harness = Harness::start().await;
    let caller = harness.somebody();
    let store = harness.store(&caller, "report").await;
    let file = harness.upload(&caller, "report.pdf", sample_report()).await;
    harness.attach(&caller, store.id, file.id).await;
    let (tenant, job) = harness.peers.take_job().unwrap();
    let state = || async { harness.knowledge.attachment(&caller, store.id, file.id).await.unwrap() };

    // The second begins where the first is, as it would when the first has lost its lease and does not know it yet.
    let mut first = harness.start_job(tenant, &job).await;
    while state().await.septet.pages_done == 0 {
        let _event = first.next().await;
    }
    let mut second = harness.start_job(tenant, &job).await;
    let (mut first_goes_on, mut second_goes_on) = (true, true);
    while first_goes_on || second_goes_on {
        first_goes_on = first.next().await.is_some();
        second_goes_on = second.next().await.is_some();
    }
    // One that found pages missing says so, and its job is run again.
    while state().await.status == VectorStoreFileStatus::InProgress {
        let mut again = harness.start_job(tenant, &job).await;
        while again.next().await.is_some() {}
    }

    let ready = state().await;
    assert_eq!(ready.status, VectorStoreFileStatus::Completed);
    let whole = Harness::start().await;
    let store = whole.store(&caller, "whole").await;
    let at_once = whole.ingest(&caller, store.id, "report.pdf", sample_report()).await;
    assert_eq!(ready.septet.n_chunks, at_once.septet.n_chunks);
}

#[tokio::test]
async fn a_job_that_is_delivered_twice_changes_nothing() {
    let harness = Harness::start().await;
    let caller = harness.somebody();
    let store = harness.store(&caller, "a").await;
    let file = harness.upload(&caller, "a.txt", "just one passage").await;
    harness.attach(&caller, store.id, file.id).await;
    let (tenant, job) = harness.peers.take_job().unwrap();

    for _ in 0..2 {
        let events: Vec<JobEvent> = harness.start_job(tenant, &job).await.collect().await;
        assert!(matches!(events.last(), Some(JobEvent::Done { .. })), "{events:?}");
    }

    assert_eq!(harness.search(&caller, "passage").await.len(), 1);
}

#[tokio::test]
async fn a_file_taken_out_before_its_turn_is_not_read() {
    let harness = Harness::start().await;
    let caller = harness.somebody();
    let store = harness.store(&caller, "a").await;
    let file = harness.upload(&caller, "a.txt", "unwanted").await;
    harness.attach(&caller, store.id, file.id).await;
    harness.knowledge.detach(&caller, store.id, file.id).await.unwrap();

    let ends = harness.work().await;

    assert!(matches!(ends.as_slice(), [JobEvent::Done { .. }]), "{ends:?}");
    assert!(harness.search(&caller, "unwanted").await.is_empty());
}

#[tokio::test]
async fn after_a_restart_unfinished_readings_are_asked_for_once() {
    let harness = Harness::start().await;
    let caller = harness.somebody();
    let store = harness.store(&caller, "a").await;
    let file = harness.upload(&caller, "a.txt", "patience").await;
    harness.attach(&caller, store.id, file.id).await;

    let harness = harness.restart().await;
    harness.work().await;

    assert_eq!(harness.peers.n_jobs(), 1);
    assert_eq!(harness.search(&caller, "patience").await.len(), 1);
}

/// One empty page.
fn pdf_without_text() -> Vec<u8> {
    pdf("", "")
}

/// Encrypted by the standard handler under a password that is not empty.
fn encrypted_pdf() -> Vec<u8> {
    let bytes = "41".repeat(32);
    pdf(
        &format!("4 0 obj\n<< /Filter /Standard /V 1 /R 2 /Length 40 /P -4 /O <{bytes}> /U <{bytes}> >>\nendobj\n"),
        "/Encrypt 4 0 R /ID [<41414141414141414141414141414141> <41414141414141414141414141414141>]",
    )
}

fn pdf(more_objects: &str, more_trailer: &str) -> Vec<u8> {
    format!(
        "%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n<< /Type /Pages /Kids [3 0 R] /Count 1 >>\nendobj\n\
         3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] >>\nendobj\n{more_objects}trailer\n<< /Root 1 0 R {more_trailer} >>\n%%EOF\n"
    )
    .into_bytes()
}
