//! Finding passages.

use std::collections::BTreeMap;

use septet_contracts::knowledge::{NewVectorStoreFile, PassageQuery, QueryText, SearchRequest, VectorStoreFileChange};
use septet_kernel::Kind;
use serde_json::{Value, json};

use crate::harness::Harness;

const POEMS: &str = "# 静夜思\n\n床前明月光，疑是地上霜。\n\n# 健康手册\n\n每天散步有益健康，早睡早起身体好。\n\n# 财务\n\n公司全年营业收入增长百分之十。";

#[tokio::test]
async fn a_chinese_word_finds_its_passage_with_default_settings() {
    let harness = Harness::start().await;
    let caller = harness.somebody();
    let store = harness.store(&caller, "books").await;
    harness.ingest(&caller, store.id, "书.md", POEMS).await;

    for (query, heading) in
        [("健康", "健康手册"), ("明月光", "静夜思"), ("请问营业收入是多少？", "财务"), ("營業收入", "财务")]
    {
        let found = harness.search(&caller, query).await;
        assert_eq!(found.first().map_or("", |passage| passage.heading.as_str()), heading, "{query}");
    }
}

#[tokio::test]
async fn several_questions_are_answered_together() {
    let harness = Harness::start().await;
    let caller = harness.somebody();
    let store = harness.store(&caller, "facts").await;
    let text: String =
        (0..30).map(|n| format!("# Chapter {n}\n\nSales were discussed at length in chapter {n}.\n\n")).collect();
    harness.ingest(&caller, store.id, "long.md", format!("{text}# Depth\n\nThe lake is 42 metres deep.\n")).await;

    let query = PassageQuery {
        vector_stores: vec![store.id],
        queries: vec!["sales chapter".into(), "how deep is the lake".into()],
        limit: 4,
    };
    let found = harness.knowledge.search(&caller, &query).await.unwrap().passages;

    assert_eq!(found.len(), 4);
    assert!(found.iter().any(|passage| passage.heading == "Depth"), "{found:?}");
    assert!(found.windows(2).all(|pair| pair[0].score >= pair[1].score));
    assert!(found.iter().all(|passage| (0.0..=1.0).contains(&passage.score)));
}

#[tokio::test]
async fn the_openai_search_filters_by_attributes_and_says_the_page() {
    let harness = Harness::start().await;
    let caller = harness.somebody();
    let store = harness.store(&caller, "years").await;
    for year in [2023, 2024] {
        let file = harness.upload(&caller, &format!("{year}.txt"), format!("revenue in {year} was fine")).await;
        let attributes: BTreeMap<String, Value> = [("year".to_owned(), json!(year))].into();
        let new = NewVectorStoreFile { file_id: file.id, attributes: Some(attributes), chunking_strategy: None };
        harness.knowledge.attach(&caller, store.id, &new).await.unwrap();
    }
    harness.work().await;
    let request = |filters: Option<Value>| SearchRequest {
        query: QueryText::One("revenue".to_owned()),
        max_num_results: Some(5),
        filters,
        rewrite_query: None,
        ranking_options: None,
    };

    let all = harness.knowledge.search_store(&caller, store.id, &request(None)).await.unwrap();
    assert_eq!((all.data.len(), all.object.as_str()), (2, "vector_store.search_results.page"));
    assert_eq!(all.data[0].attributes["page"], json!(1));

    let filter = json!({"type": "gt", "key": "year", "value": 2023});
    let some = harness.knowledge.search_store(&caller, store.id, &request(Some(filter))).await.unwrap();
    assert_eq!(some.data.iter().map(|hit| hit.filename.as_str()).collect::<Vec<_>>(), ["2024.txt"]);

    let of_next_year = VectorStoreFileChange { attributes: Some([("year".to_owned(), json!(2024))].into()) };
    let earlier = all.data.iter().find(|hit| hit.filename == "2023.txt").unwrap().file_id;
    let changed = harness.knowledge.change_attachment(&caller, store.id, earlier, &of_next_year).await.unwrap();
    assert_eq!(changed.attributes["year"], json!(2024));
    let filter = json!({"type": "eq", "key": "year", "value": 2024});
    let both = harness.knowledge.search_store(&caller, store.id, &request(Some(filter))).await.unwrap();
    assert_eq!(both.data.len(), 2, "a filter sees attributes that were changed");
    let list = VectorStoreFileChange { attributes: Some([("year".to_owned(), json!([2024]))].into()) };
    let refused = harness.knowledge.change_attachment(&caller, store.id, earlier, &list).await.unwrap_err();
    assert_eq!((refused.kind, refused.param.as_deref()), (Kind::BadRequest, Some("attributes")));

    let bad =
        harness.knowledge.search_store(&caller, store.id, &request(Some(json!({"type": "like"})))).await.unwrap_err();
    assert_eq!((bad.kind, bad.param.as_deref()), (Kind::BadRequest, Some("filters")));
}

#[tokio::test]
async fn odd_questions_find_nothing_or_are_refused_and_never_fail() {
    let harness = Harness::start().await;
    let caller = harness.somebody();
    let store = harness.store(&caller, "a").await;
    harness.ingest(&caller, store.id, "a.txt", "plain words").await;

    for query in ["？！", "\u{0}\u{1}", "AND OR NOT (\"", "*:*", "text:plain", "🦀", "，"] {
        let query = PassageQuery { queries: vec![query.to_owned()], ..PassageQuery::default() };
        assert!(harness.knowledge.search(&caller, &query).await.is_ok(), "{query:?}");
    }
    for queries in [vec![], vec!["  ".to_owned()], vec!["a".repeat(9_000)], vec!["a".to_owned(); 17]] {
        let query = PassageQuery { queries, ..PassageQuery::default() };
        assert_eq!(harness.knowledge.search(&caller, &query).await.unwrap_err().kind, Kind::BadRequest);
    }
}

#[tokio::test]
async fn with_an_embedding_model_other_words_for_the_same_are_found() {
    let harness = Harness::with(|config| config.embedding_model = "stand-in".to_owned()).await;
    let caller = harness.somebody();
    let store = harness.store(&caller, "animals").await;
    harness
        .ingest(
            &caller,
            store.id,
            "a.md",
            "# One\n\nThe hound sleeps.\n\n# Two\n\nA feline purrs.\n\n# Three\n\nThe vessel sinks.",
        )
        .await;

    for (query, heading) in [("puppy", "One"), ("cat", "Two"), ("ship", "Three")] {
        let found = harness.search(&caller, query).await;
        assert_eq!(found.first().map(|passage| passage.heading.as_str()), Some(heading), "{query}");
    }
}

#[tokio::test]
async fn without_its_index_folder_the_engine_builds_the_index_anew() {
    let harness = Harness::start().await;
    let caller = harness.somebody();
    let store = harness.store(&caller, "a").await;
    harness.ingest(&caller, store.id, "a.txt", "aardvark").await;
    harness.ingest(&caller, store.id, "b.txt", "buffalo").await;
    std::fs::remove_dir_all(&harness.config.index_folder).unwrap();

    let harness = harness.restart().await;

    assert_eq!(harness.search(&caller, "aardvark").await.len(), 1);
    assert_eq!(harness.search(&caller, "buffalo").await.len(), 1);
}

#[tokio::test]
async fn a_broken_index_is_built_anew() {
    let harness = Harness::start().await;
    let caller = harness.somebody();
    let store = harness.store(&caller, "a").await;
    harness.ingest(&caller, store.id, "a.txt", "aardvark").await;
    std::fs::write(harness.config.index_folder.join("meta.json"), "{ not json").unwrap();

    let harness = harness.restart().await;

    assert_eq!(harness.search(&caller, "aardvark").await.len(), 1);
}

#[tokio::test]
async fn an_index_of_another_database_is_not_believed() {
    let one = Harness::start().await;
    let caller = one.somebody();
    let store = one.store(&caller, "a").await;
    one.ingest(&caller, store.id, "a.txt", "aardvark").await;
    let index = one.config.index_folder.clone();

    let other = Harness::with(|config| config.index_folder = index).await;
    let stranger = other.somebody();
    let store = other.store(&stranger, "b").await;
    other.ingest(&stranger, store.id, "b.txt", "buffalo").await;

    assert_eq!(other.search(&stranger, "buffalo").await.len(), 1);
    assert!(other.search(&caller, "aardvark").await.is_empty());
}

#[tokio::test]
async fn an_index_that_is_built_anew_asks_no_model_for_what_is_kept() {
    let harness = Harness::with(|config| config.embedding_model = "stand-in".to_owned()).await;
    let caller = harness.somebody();
    let store = harness.store(&caller, "animals").await;
    harness.ingest(&caller, store.id, "a.md", "# One\n\nThe hound sleeps.\n\n# Two\n\nA feline purrs.").await;
    assert_eq!(harness.peers.take_embedded().len(), 2);
    std::fs::remove_dir_all(harness.config.index_folder.join("vectors")).unwrap();

    let harness = harness.restart().await;

    assert_eq!(harness.search(&caller, "puppy").await[0].heading, "One");
    assert_eq!(harness.peers.take_embedded(), ["puppy"]);
}

#[tokio::test]
async fn vectors_of_what_was_taken_out_or_read_anew_are_gone() {
    let harness = Harness::with(|config| config.embedding_model = "stand-in".to_owned()).await;
    let caller = harness.somebody();
    let store = harness.store(&caller, "animals").await;
    let hound = harness.ingest(&caller, store.id, "a.md", "# One\n\nThe hound sleeps.").await;
    harness.ingest(&caller, store.id, "b.md", "# Two\n\nThe vessel sinks.").await;
    assert_eq!(harness.search(&caller, "puppy").await[0].heading, "One");

    harness.knowledge.detach(&caller, store.id, hound.id).await.unwrap();

    let found = harness.search(&caller, "puppy").await;
    assert!(found.iter().all(|passage| passage.heading == "Two"), "{found:?}");
}
