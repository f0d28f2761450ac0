//! Files and knowledge bases.

use septet_contracts::knowledge::{
    NewFile, NewVectorStore, NewVectorStoreFile, Stage, VectorStoreChange, VectorStoreFileStatus,
};
use septet_contracts::page::PageQuery;
use septet_kernel::{Caller, Kind, Role};

use crate::harness::Harness;

#[tokio::test]
async fn a_file_added_to_a_knowledge_base_is_read_found_and_forgotten() {
    let harness = Harness::start().await;
    let caller = harness.somebody();
    let store = harness.store(&caller, "manuals").await;
    let file = harness.upload(&caller, "pump.md", "# Pump\n\nOpen the valve before starting the pump.").await;

    let queued = harness.attach(&caller, store.id, file.id).await;
    assert_eq!((queued.status, queued.septet.stage), (VectorStoreFileStatus::InProgress, Stage::Queued));
    assert_eq!(harness.knowledge.store(&caller, store.id).await.unwrap().status, "in_progress");

    harness.work().await;
    let ready = harness.knowledge.attachment(&caller, store.id, file.id).await.unwrap();
    assert_eq!(
        (ready.status, ready.septet.stage, ready.septet.n_chunks),
        (VectorStoreFileStatus::Completed, Stage::Ready, 1)
    );
    let counts = harness.knowledge.store(&caller, store.id).await.unwrap().file_counts;
    assert_eq!((counts.completed, counts.in_progress, counts.total), (1, 0, 1));

    let found = harness.search(&caller, "valve").await;
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].filename.as_str(), found[0].heading.as_str(), found[0].page), ("pump.md", "Pump", 1));

    harness.knowledge.detach(&caller, store.id, file.id).await.unwrap();
    assert!(harness.search(&caller, "valve").await.is_empty());
    assert_eq!(harness.knowledge.detach(&caller, store.id, file.id).await.unwrap_err().kind, Kind::NotFound);
}

#[tokio::test]
async fn deleting_a_file_or_a_knowledge_base_leaves_no_passage() {
    let harness = Harness::start().await;
    let caller = harness.somebody();
    let (a, b) = (harness.store(&caller, "a").await, harness.store(&caller, "b").await);
    let file = harness.upload(&caller, "one.txt", "walrus facts").await;
    harness.attach(&caller, a.id, file.id).await;
    harness.attach(&caller, b.id, file.id).await;
    harness.ingest(&caller, a.id, "two.txt", "penguin facts").await;
    // The same words in two knowledge bases are shown once.
    assert_eq!(harness.search(&caller, "walrus").await.len(), 1);

    harness.knowledge.delete_file(&caller, file.id).await.unwrap();
    assert!(harness.search(&caller, "walrus").await.is_empty());
    assert_eq!(harness.search(&caller, "penguin").await.len(), 1);

    harness.knowledge.delete_store(&caller, a.id).await.unwrap();
    assert!(harness.search(&caller, "penguin").await.is_empty());
    assert_eq!(harness.knowledge.delete_store(&caller, a.id).await.unwrap_err().kind, Kind::NotFound);
}

#[tokio::test]
async fn another_tenant_sees_nothing_by_any_door() {
    let harness = Harness::start().await;
    let (owner, stranger) = (harness.somebody(), harness.somebody());
    let store = harness.store(&owner, "secrets").await;
    let ready = harness.ingest(&owner, store.id, "secret.txt", "the launch code is swordfish").await;
    let knowledge = &harness.knowledge;

    assert!(harness.search(&stranger, "swordfish").await.is_empty());
    let query = septet_contracts::knowledge::PassageQuery {
        vector_stores: vec![store.id],
        queries: vec!["swordfish".into()],
        limit: 5,
    };
    assert!(knowledge.search(&stranger, &query).await.unwrap().passages.is_empty());
    assert_eq!(knowledge.search(&owner, &query).await.unwrap().passages.len(), 1);
    let new = NewVectorStoreFile { file_id: ready.id, attributes: None, chunking_strategy: None };
    let own_store = harness.store(&stranger, "mine").await;
    let refusals = [
        knowledge.file(&stranger, ready.id).await.err(),
        knowledge.file_content(&stranger, ready.id).await.err(),
        knowledge.delete_file(&stranger, ready.id).await.err(),
        knowledge.store(&stranger, store.id).await.err(),
        knowledge.delete_store(&stranger, store.id).await.err(),
        knowledge.attached(&stranger, store.id, &PageQuery::default()).await.err(),
        knowledge.attachment(&stranger, store.id, ready.id).await.err(),
        knowledge.detach(&stranger, store.id, ready.id).await.err(),
        knowledge.attach(&stranger, store.id, &new).await.err(),
        knowledge.attach(&stranger, own_store.id, &new).await.err(),
        knowledge.change_store(&stranger, store.id, &VectorStoreChange::default()).await.err(),
    ];
    for (at, refusal) in refusals.into_iter().enumerate() {
        assert_eq!(refusal.map(|error| error.kind), Some(Kind::NotFound), "door {at}");
    }
    assert!(knowledge.files(&stranger, &PageQuery::default()).await.unwrap().data.is_empty());
    assert_eq!(harness.search(&owner, "swordfish").await.len(), 1);
}

#[tokio::test]
async fn a_viewer_reads_and_does_not_write() {
    let harness = Harness::start().await;
    let editor = harness.somebody();
    let viewer = Caller { role: Role::Viewer, ..editor.clone() };
    let store = harness.store(&editor, "open").await;
    harness.ingest(&editor, store.id, "a.txt", "readable").await;

    assert_eq!(harness.search(&viewer, "readable").await.len(), 1);
    let refused = harness.knowledge.create_store(&viewer, &NewVectorStore::default()).await.unwrap_err();
    assert_eq!(refused.kind, Kind::Forbidden);
}

#[tokio::test]
async fn lists_are_walked_page_by_page_in_both_directions() {
    let harness = Harness::start().await;
    let caller = harness.somebody();
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.push(harness.upload(&caller, &format!("{n}.txt"), format!("text {n}")).await.id);
    }
    ids.sort();

    let mut seen = Vec::new();
    let mut page = PageQuery { limit: Some(2), order: Some("asc".into()), ..PageQuery::default() };
    loop {
        let files = harness.knowledge.files(&caller, &page).await.unwrap();
        seen.extend(files.data.iter().map(|file| file.id));
        if !files.has_more {
            break;
        }
        page.after = files.last_id;
    }
    assert_eq!(seen, ids);

    let before = PageQuery { limit: Some(2), order: Some("asc".into()), before: Some(ids[4].to_string()), after: None };
    let files = harness.knowledge.files(&caller, &before).await.unwrap();
    assert_eq!(files.data.iter().map(|file| file.id).collect::<Vec<_>>(), ids[2..4]);
    assert!(files.has_more);

    let nonsense = PageQuery { after: Some("'; DROP TABLE".into()), ..PageQuery::default() };
    assert_eq!(harness.knowledge.files(&caller, &nonsense).await.unwrap_err().kind, Kind::BadRequest);
}

#[tokio::test]
async fn what_is_not_offered_is_refused_by_name() {
    let harness = Harness::start().await;
    let caller = harness.somebody();
    let expiring = NewVectorStore {
        expires_after: Some(serde_json::json!({"anchor": "last_active_at", "days": 1})),
        ..NewVectorStore::default()
    };
    let refused = harness.knowledge.create_store(&caller, &expiring).await.unwrap_err();
    assert_eq!((refused.kind, refused.param.as_deref()), (Kind::BadRequest, Some("expires_after")));

    let missing = NewFile { blob: "0".repeat(64).parse().unwrap(), filename: "x.pdf".into(), bytes: 1, purpose: None };
    assert_eq!(harness.knowledge.add_file(&caller, &missing).await.unwrap_err().kind, Kind::NotFound);
}

#[tokio::test]
async fn adding_a_file_twice_reads_it_once() {
    let harness = Harness::start().await;
    let caller = harness.somebody();
    let store = harness.store(&caller, "a").await;
    let file = harness.upload(&caller, "a.txt", "once only").await;

    harness.attach(&caller, store.id, file.id).await;
    harness.attach(&caller, store.id, file.id).await;
    assert_eq!(harness.work().await.len(), 1);
    harness.attach(&caller, store.id, file.id).await;
    assert!(harness.work().await.is_empty());

    assert_eq!(harness.search(&caller, "once").await.len(), 1);
}
