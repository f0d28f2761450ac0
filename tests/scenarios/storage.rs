//! What is deleted gives its space back, and what is needed stays.

use std::path::{Path, PathBuf};
use std::time::Duration;

use septet_testkit::TestPlatform;
use septet_testkit::platform::{self, Topology};
use serde_json::{Value, json};

use crate::sample_report;

/// A sweep a second, of what is older than a second.
async fn swept(topology: Topology, change: impl FnOnce(&mut septet::config::Config)) -> (TestPlatform, PathBuf) {
    let mut folder = PathBuf::new();
    let platform = platform::start_with(topology, |config| {
        (config.gateway.blob_sweep_s, config.gateway.blob_grace_s) = (1, 1);
        folder = config.data.join("blobs");
        change(config);
    })
    .await;
    (platform, folder)
}

/// Bytes and number of all files below a folder.
fn size(folder: &Path) -> (u64, usize) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.fold((0, 0), |(bytes, n), entry| {
        let path = entry.path();
        if path.is_dir() {
            let (more, n_more) = size(&path);
            return (bytes + more, n + n_more);
        }
        if path.ends_with("sweep.lock") || path.ends_with("owner") {
            return (bytes, n);
        }
        (bytes + entry.metadata().map_or(0, |meta| meta.len()), n + 1)
    })
}

async fn shrinks_to(folder: &Path, n_files: usize) {
    for _ in 0..300 {
        if size(folder).1 <= n_files {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{:?} of files stay in the blob store", size(folder));
}

async fn keeps_everything_then_gives_it_back(topology: Topology) {
    let (platform, folder) = swept(topology, |config| config.knowledge.max_file_bytes = 8 << 20).await;
    let client = &platform.client;
    let (store, state) = client.add_document("annual-report-2025.pdf", sample_report()).await;
    let file = state["id"].as_str().unwrap().to_owned();
    let container =
        client.post("/v1/containers", json!({"name": "mine"})).await.ok()["id"].as_str().unwrap().to_owned();
    let code = json!({"code": "open('made.txt', 'w').write('made')"});
    let made = client.post(&format!("/v1/containers/{container}/executions"), code.clone()).await;
    assert_eq!(made.status, 200);
    let ask = json!({
        "model": "agent:analyst", "input": "帮我分析财报",
        "tools": [{"type": "file_search", "vector_store_ids": [store]}],
    });
    let response = client.post("/v1/responses", ask).await.ok();
    assert_eq!(response["status"], "completed", "{response}");
    let (id, conversation) = (response["id"].as_str().unwrap(), response["conversation"]["id"].as_str().unwrap());

    // Refused after it has arrived in whole.
    let refused = client.upload("large.txt", vec![b'x'; 9 << 20]).await;
    assert_eq!(refused.status, 413);

    // Several sweeps: what nobody named is gone, and all that is named is there.
    let n_named = size(&folder).1 - 1;
    shrinks_to(&folder, n_named).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(size(&folder).1, n_named);
    assert!(client.bytes(&format!("/v1/files/{file}/content")).await.starts_with(b"%PDF"));
    let shown = client.get(&format!("/v1/responses/{id}")).await.ok();
    assert_eq!(shown["output"], response["output"]);

    client.delete(&format!("/v1/files/{file}")).await.ok();
    assert_eq!(client.delete(&format!("/v1/containers/{container}")).await.status, 200);
    client.delete(&format!("/v1/conversations/{conversation}")).await.ok();
    shrinks_to(&folder, 0).await;
    assert_eq!(size(&folder).0, 0);
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_gives_its_space_back_and_what_is_named_stays() {
    keeps_everything_then_gives_it_back(Topology::Together).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn services_apart_are_all_asked_before_anything_is_deleted() {
    keeps_everything_then_gives_it_back(Topology::Apart).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_database_on_a_folder_deletes_nothing_of_the_first() {
    let (first, folder) = swept(Topology::Together, |_| {}).await;
    let file = first.client.upload("one.txt", b"kept".to_vec()).await.ok();
    let other = first.client.upload("two.txt", b"goes".to_vec()).await.ok();
    let blobs = format!("file://{}", folder.display());
    let (second, _) = swept(Topology::Together, |config| config.stores.blobs = Some(blobs)).await;

    // As often as the first one sweeps, the second one would.
    first.client.delete(&format!("/v1/files/{}", other["id"].as_str().unwrap())).await.ok();
    shrinks_to(&folder, 1).await;
    tokio::time::sleep(Duration::from_secs(4)).await;

    let content = format!("/v1/files/{}/content", file["id"].as_str().unwrap());
    assert_eq!(first.client.bytes(&content).await, b"kept");
    second.stop().await;
    first.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_keeps_no_more_than_its_quota_and_is_told() {
    let (platform, _folder) = swept(Topology::Together, |config| {
        (config.knowledge.tenant_storage_bytes, config.sandbox.tenant_storage_bytes) = (1000, 1000);
    })
    .await;
    let client = &platform.client;
    let first = client.upload("one.txt", vec![b'x'; 900]).await.ok();
    let refused = client.upload("two.txt", vec![b'y'; 900]).await;
    assert_eq!(refused.refusal(), (413, "storage_quota_exceeded"));
    client.delete(&format!("/v1/files/{}", first["id"].as_str().unwrap())).await.ok();
    client.upload("two.txt", vec![b'y'; 900]).await.ok();

    let code = "open('a.txt', 'w').write('a' * 600); open('b.txt', 'w').write('b' * 600); None";
    let output: Value = client.post("/v1/execute", json!({"code": code})).await.ok();
    assert_eq!(output["files"].as_array().unwrap().len(), 1, "{output}");
    assert!(output["stderr"].as_str().unwrap().contains("sandbox.tenant_storage_bytes"), "{output}");
    platform.stop().await;
}
