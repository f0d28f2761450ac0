//! The sweep of the blob store: what it asks for, and when it believes the answers.

use std::time::{Duration, UNIX_EPOCH};

use septet_kernel::BlobId;

use crate::harness::{Harness, config};

/// A blob whose bytes were put long ago.
async fn old_blob(harness: &Harness, bytes: &'static str) -> BlobId {
    let blobs = harness.blobs();
    let id = blobs.put(bytes).await.unwrap().id;
    let long_ago = UNIX_EPOCH + Duration::from_secs(1);
    blobs.file(&id).await.unwrap().set_modified(long_ago).unwrap();
    id
}

#[tokio::test]
async fn a_blob_that_nobody_names_once_and_somebody_the_next_time_stays() {
    let mut often = config();
    (often.blob_sweep_s, often.blob_grace_s) = (1, 1);
    let harness = Harness::with(often).await;
    let (needed, forgotten) = (old_blob(&harness, "needed").await, old_blob(&harness, "forgotten").await);
    harness.peers.blobs.late.lock().unwrap().insert(needed.clone());
    let (script, blobs) = (&harness.peers.blobs, harness.blobs());
    let is_gone = async |blob: &BlobId| blobs.size(blob).await.is_err();

    harness
        .until("both blobs were asked for twice", || async {
            is_gone(&needed).await || (script.n_asked(&needed) > 1 && is_gone(&forgotten).await)
        })
        .await;

    assert_eq!(blobs.read(&needed).await.unwrap(), "needed");
    assert_eq!(script.n_asked(&forgotten), 2, "it goes at the second answer that nobody names it");
}
