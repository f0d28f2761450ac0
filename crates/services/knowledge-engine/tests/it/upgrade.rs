//! What earlier versions left on disk, opened by this one. `tests/installations` holds their databases as SQL and their
//! folders as they were, and is never written anew.

use std::path::Path;

use sea_orm::ConnectionTrait;
use septet_database::Database;
use septet_kernel::{Caller, Clock, Ids, Role, TenantId};
use tempfile::TempDir;

use crate::harness::Harness;

/// Who used the installations.
const TENANT: &str = "ten_01a22df6b39073d78b4dc02e03f3e4d5";
/// Their knowledge base, with vectors of the model `stand-in`.
const STORE: &str = "vs_01a22df6b3917eeab448c2177011ea90";

fn installation(version: &str, path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/installations").join(version).join(path)
}

/// A data folder with the index of version 0.1, which knew one index alone.
fn folder_of_v0_1() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("index");
    std::fs::create_dir(&index).unwrap();
    for entry in std::fs::read_dir(installation("v0.1", "index")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), index.join(entry.file_name())).unwrap();
    }
    folder
}

async fn fill(uri: &str, sql: &str) {
    let database = Database::open(uri).await.unwrap();
    database.writer().execute_unprepared(sql).await.unwrap();
    database.close().await.unwrap();
}

fn names_in(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".term")).collect();
    names.sort();
    names
}

async fn is_answered_as_before(folder: TempDir, uri: String) {
    let words_before = names_in(&folder.path().join("index"));
    let (tenant, store) = (TENANT.parse::<TenantId>().unwrap(), STORE.parse().unwrap());
    let harness =
        Harness::upgraded(folder, uri, tenant, store, |config| config.embedding_model = "stand-in".to_owned()).await;
    let caller = Caller { role: Role::Editor, ..Caller::background(tenant, harness.ids.next()) };

    for (question, heading) in [("puppy", "One"), ("cat", "Two"), ("ship", "Three"), ("hound", "One")] {
        let found = harness.search(&caller, question).await;
        assert_eq!(found.first().map(|passage| passage.heading.as_str()), Some(heading), "{question}");
    }
    assert_eq!(
        harness.search(&caller, "Bergen").await[0].text,
        "city | people\nOslo, Norway | 709037\nBergen | 291940"
    );
    assert!(harness.search(&caller, "aardvark").await.iter().all(|passage| passage.filename != "gone.txt"));

    // Only questions cost anything: what was embedded once is kept. And the index of words was good as it was.
    let asked = harness.peers.take_embedded();
    assert_eq!(asked, ["puppy", "cat", "ship", "hound", "Bergen", "aardvark"]);
    assert_eq!(names_in(&harness.config.index_folder), words_before);

    harness.ingest(&caller, store, "more.txt", "The dog and the puppy.").await;
    assert_eq!(harness.peers.take_embedded(), ["The dog and the puppy."]);
    let harness = harness.restart().await;
    assert_eq!(harness.search(&caller, "dog").await[0].filename, "more.txt");
}

#[tokio::test]
async fn an_installation_of_version_0_1_goes_on_and_embeds_nothing_again() {
    let folder = folder_of_v0_1();
    let uri = Database::sqlite_uri(&folder.path().join("septet.db"));
    fill(&uri, &std::fs::read_to_string(installation("v0.1", "septet.sql")).unwrap()).await;

    is_answered_as_before(folder, uri).await;
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "where a server is, is the machine's business")]
async fn so_does_one_on_postgresql() {
    let Some(server) = std::env::var("SEPTET_TEST_POSTGRES").ok().filter(|url| !url.is_empty()) else {
        septet_fixtures::skipped("set SEPTET_TEST_POSTGRES to run this on PostgreSQL");
        return;
    };
    let name = format!("septet_upgrade_{}", Ids::new(Clock::system()).next::<TenantId>().uuid().simple());
    fill(&server, &format!("CREATE DATABASE {name}")).await;
    let (base, _database) = server.rsplit_once('/').expect("the URL names a database");
    let uri = format!("{base}/{name}");
    // The same rows in PostgreSQL's words.
    let sql = std::fs::read_to_string(installation("v0.1", "septet.sql")).unwrap();
    let sql = sql.replace("BEGIN TRANSACTION;", "BEGIN;").replace("\"applied_at\" integer", "\"applied_at\" bigint");
    fill(&uri, &sql.replace("X'", "'\\x")).await;

    is_answered_as_before(folder_of_v0_1(), uri).await;
}
