//! What waits reaches its store, whatever the store does.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use septet_kernel::Clock;
use septet_spool::{Drain, Options, Pace, Spool};
use tokio_util::sync::CancellationToken;

#[derive(Debug, thiserror::Error)]
#[error("the store is away")]
struct Away;

async fn spool_with(n_records: u32) -> (tempfile::TempDir, Spool) {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool::open(folder.path(), Options::default(), Clock::system()).unwrap();
    for number in 0..n_records {
        spool.append(&number.to_le_bytes()).await.unwrap();
    }
    (folder, spool)
}

fn numbers(records: &[Bytes]) -> Vec<u32> {
    records.iter().map(|record| u32::from_le_bytes(record.as_ref().try_into().unwrap())).collect()
}

#[tokio::test(start_paused = true)]
async fn a_store_that_comes_back_gets_everything_once_and_in_order() {
    let (_folder, spool) = spool_with(1000).await;
    let stored = Arc::new(Mutex::new(Vec::new()));
    let n_attempts = Arc::new(AtomicUsize::new(0));
    let cancel = CancellationToken::new();
    let drain = Drain::new(spool.clone(), Pace { max_records: 64, ..Pace::default() });
    let counts = drain.counts();

    drain
        .run(
            |records| {
                let attempt = n_attempts.fetch_add(1, Ordering::SeqCst);
                let (stored, cancel) = (Arc::clone(&stored), cancel.clone());
                async move {
                    // Away twenty times at first and then now and again.
                    if attempt < 20 || attempt.is_multiple_of(3) {
                        return Err(Away);
                    }
                    let mut stored = stored.lock().unwrap();
                    stored.extend(numbers(&records));
                    if stored.len() == 1000 {
                        cancel.cancel();
                    }
                    Ok(())
                }
            },
            cancel.clone(),
        )
        .await;

    assert_eq!(*stored.lock().unwrap(), (0..1000).collect::<Vec<_>>());
    assert_eq!(counts.n_stored(), 1000);
    assert!(counts.n_failures() >= 20);
    assert_eq!((counts.n_failures_in_a_row(), spool.n_waiting()), (0, 0));
}

#[tokio::test]
async fn a_record_appended_later_is_stored_too() {
    let (_folder, spool) = spool_with(0).await;
    let cancel = CancellationToken::new();
    let stored = Mutex::new(Vec::new());
    let drain = Drain::new(spool.clone(), Pace::default());

    tokio::join!(
        drain.run(
            |records| {
                stored.lock().unwrap().extend(numbers(&records));
                cancel.cancel();
                async { Ok::<_, Away>(()) }
            },
            cancel.clone(),
        ),
        async {
            tokio::task::yield_now().await;
            spool.append(&7_u32.to_le_bytes()).await.unwrap();
        }
    );

    assert_eq!(*stored.lock().unwrap(), [7]);
}

#[tokio::test]
async fn a_cancelled_drain_still_stores_what_waits_unless_the_store_is_away() {
    let cancel = CancellationToken::new();
    cancel.cancel();

    let (_folder, spool) = spool_with(1000).await;
    Drain::new(spool.clone(), Pace::default()).run(|_| async { Ok::<_, Away>(()) }, cancel.clone()).await;
    assert_eq!(spool.n_waiting(), 0);

    let (_folder, spool) = spool_with(1000).await;
    let drain = Drain::new(spool.clone(), Pace::default());
    let counts = drain.counts();
    drain.run(|_| async { Err::<(), _>(Away) }, cancel).await;
    assert_eq!((spool.n_waiting(), counts.n_failures()), (1000, 1));
}

#[tokio::test]
async fn whoever_waits_for_the_store_waits_for_what_waited_when_they_came() {
    let (_folder, spool) = spool_with(3).await;
    let stored = spool.wait_until_stored();
    let mut stored = std::pin::pin!(stored);
    assert!(futures::poll!(stored.as_mut()).is_pending());
    spool.append(&9_u32.to_le_bytes()).await.unwrap();

    for left in [true, false] {
        let batch = spool.batch(if left { 2 } else { 1 }, 1 << 20).await.unwrap().unwrap();
        spool.ack(&batch).await.unwrap();
        assert_eq!(futures::poll!(stored.as_mut()).is_pending(), left);
    }

    assert_eq!(spool.n_waiting(), 1, "what was appended later may wait on");
}
