//! One suite that every follower passes, on SQLite always and on PostgreSQL when `SEPTET_TEST_POSTGRES` names a server.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use septet_chassis::cpu::CpuPool;
use septet_database::Database;
use septet_kernel::{Clock, FileId, Ids, TenantId, VectorStoreId};
use tempfile::TempDir;

use super::*;
use crate::chunk::Chunk;
use crate::index::query::Query;
use crate::index::vectors::Vectors;
use crate::index::words::Words;
use crate::index::{Index, Scope};
use crate::migration::MIGRATIONS;
use crate::store::Key;

const MODEL: &str = "host:model%1";

/// More passages than any test has.
const MOST: usize = 10_000;

/// One dimension for each.
const ANIMALS: [&str; 4] = ["aardvark", "buffalo", "camel", "donkey"];

/// The kinds of followers that there are.
#[derive(Debug, Clone, Copy)]
enum FollowerKind {
    Words,
    Vectors,
}

/// A follower that is open, with a way to ask it.
#[derive(Clone)]
enum Opened {
    Words(Arc<Index>, Words),
    Vectors(Vectors),
}

impl FollowerKind {
    fn open(self, folder: &Path, cpu: &CpuPool) -> Opened {
        match self {
            Self::Words => {
                let index = Arc::new(Index::open(folder).unwrap());
                Opened::Words(Arc::clone(&index), Words::new(index, cpu.clone()))
            }
            Self::Vectors => Opened::Vectors(Vectors::open(folder, MODEL, cpu.clone()).unwrap()),
        }
    }
}

impl Opened {
    fn followed(&self) -> Followed {
        match self {
            Self::Words(_, words) => Followed::new(words.clone()),
            Self::Vectors(vectors) => Followed::new(vectors.clone()),
        }
    }

    async fn position(&self) -> Position {
        match self {
            Self::Words(_, words) => words.position().await.unwrap(),
            Self::Vectors(vectors) => vectors.position().await.unwrap(),
        }
    }

    /// How many passages of a knowledge base are about an animal.
    async fn n_about(&self, scope: &Scope, animal: &str) -> usize {
        match self {
            Self::Words(index, _) => index.search(&Query::new(animal), scope, MOST).unwrap().len(),
            Self::Vectors(vectors) => {
                let hits = vectors.search(scope, &vector(animal), MOST).await.unwrap();
                hits.into_iter().filter(|hit| hit.score > 0.9).count()
            }
        }
    }
}

fn vector(animal: &str) -> Vec<f32> {
    ANIMALS.iter().map(|known| if *known == animal { 2.0 } else { 0.0 }).collect()
}

/// A passage table with a follower, which may be closed and opened again.
struct World {
    kind: FollowerKind,
    folder: TempDir,
    cpu: CpuPool,
    store: Store,
    ids: Ids,
    scope: Scope,
    files: BTreeMap<&'static str, Key>,
}

impl World {
    async fn new(kind: FollowerKind, database: Database, folder: TempDir) -> Self {
        database.migrate(&MIGRATIONS).await.unwrap();
        let ids = Ids::new(Clock::system());
        let store = Store::new(database, Clock::system(), ids.clone());
        store.ensure_state().await.unwrap();
        let scope = Scope { tenant: ids.next(), stores: vec![ids.next()], files: None };
        Self { kind, folder, cpu: CpuPool::default(), store, ids, scope, files: BTreeMap::new() }
    }

    fn open(&self) -> Opened {
        self.open_at("index")
    }

    fn open_at(&self, folder: &str) -> Opened {
        self.kind.open(&self.folder.path().join(folder), &self.cpu)
    }

    fn place(&self) -> (TenantId, VectorStoreId) {
        (self.scope.tenant, self.scope.stores[0])
    }

    /// A file with one passage about each of some animals.
    async fn add(&mut self, name: &'static str, animals: &[&str]) {
        let (tenant, store) = self.place();
        let rows = self.store.of(tenant);
        let key = rows.attach(store, self.ids.next::<FileId>(), name, &BTreeMap::new()).await.unwrap().key;
        self.publish(key, name, animals).await;
        self.files.insert(name, key);
    }

    async fn publish(&self, key: Key, name: &str, animals: &[&str]) {
        let chunks: Vec<Chunk> = animals.iter().map(|animal| passage(animal)).collect();
        let vectors: Vec<Vec<f32>> = animals.iter().map(|animal| vector(animal)).collect();
        let (tenant, _) = self.place();
        assert!(self.store.publish(tenant, key, name, &chunks, &vectors, MODEL).await.unwrap());
    }

    async fn remove(&self, name: &str) {
        let (tenant, store) = self.place();
        self.store.of(tenant).detach(store, self.files[name].file).await.unwrap();
    }

    /// Holds the follower to these numbers of passages about each animal.
    async fn holds(&self, opened: &Opened, expected: [usize; 4], when: &str) {
        let mut found = [0; 4];
        for (animal, n) in ANIMALS.iter().zip(&mut found) {
            *n = opened.n_about(&self.scope, animal).await;
        }
        assert_eq!(found, expected, "{:?}: {when}", self.kind);
        let elsewhere = Scope { tenant: self.ids.next(), ..self.scope.clone() };
        assert_eq!(opened.n_about(&elsewhere, ANIMALS[0]).await, 0, "{:?}: another tenant, {when}", self.kind);
    }

    async fn is_at_the_end(&self, opened: &Opened) {
        assert_eq!(opened.position().await, self.store.position().await.unwrap(), "{:?}", self.kind);
    }
}

fn passage(animal: &str) -> Chunk {
    Chunk {
        page: 1,
        page_end: 1,
        heading: String::new(),
        text: format!("Of the {animal} there is much to tell."),
        is_table: false,
        boxes: Vec::new(),
    }
}

/// Runs a test for every follower on every database that is there.
async fn for_each(test: impl AsyncFn(World)) {
    for kind in [FollowerKind::Words, FollowerKind::Vectors] {
        let folder = tempfile::tempdir().unwrap();
        let sqlite = Database::open(&Database::sqlite_uri(&folder.path().join("septet.db"))).await.unwrap();
        test(World::new(kind, sqlite, folder).await).await;
        if let Some(database) = postgres().await {
            test(World::new(kind, database, tempfile::tempdir().unwrap()).await).await;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "where a server is, is the machine's business")]
async fn postgres() -> Option<Database> {
    let Some(server) = std::env::var("SEPTET_TEST_POSTGRES").ok().filter(|url| !url.is_empty()) else {
        septet_fixtures::skipped("set SEPTET_TEST_POSTGRES to run this on PostgreSQL");
        return None;
    };
    let name = format!("septet_follow_{}", Ids::new(Clock::system()).next::<TenantId>().uuid().simple());
    let admin = Database::open(&server).await.unwrap();
    sea_orm::ConnectionTrait::execute_unprepared(admin.writer(), &format!("CREATE DATABASE {name}")).await.unwrap();
    let (base, _database) = server.rsplit_once('/').expect("the URL names a database");
    Some(Database::open(&format!("{base}/{name}")).await.unwrap())
}

#[tokio::test]
async fn a_follower_catches_up_from_nothing_and_goes_on_where_it_was() {
    for_each(async |mut world| {
        world.add("a", &["aardvark", "buffalo"]).await;
        world.add("b", &["buffalo"]).await;
        let opened = world.open();
        assert_eq!(opened.position().await, Position::default());
        world.holds(&opened, [0, 0, 0, 0], "before it was told").await;

        opened.followed().catch_up(&world.store).await.unwrap();
        world.holds(&opened, [1, 2, 0, 0], "from nothing").await;
        world.is_at_the_end(&opened).await;

        // Closed in the middle of the changes.
        drop(opened);
        world.add("c", &["camel"]).await;
        world.remove("b").await;
        let opened = world.open();
        world.holds(&opened, [1, 2, 0, 0], "opened again").await;
        opened.followed().catch_up(&world.store).await.unwrap();
        world.holds(&opened, [1, 1, 1, 0], "went on").await;
        world.is_at_the_end(&opened).await;
    })
    .await;
}

#[tokio::test]
async fn a_follower_forgets_what_is_gone_and_what_was_replaced() {
    for_each(async |mut world| {
        let opened = world.open();
        let followed = opened.followed();
        world.add("a", &["aardvark", "buffalo"]).await;
        world.add("b", &["buffalo"]).await;
        followed.catch_up(&world.store).await.unwrap();
        world.holds(&opened, [1, 2, 0, 0], "both").await;

        world.publish(world.files["a"], "a", &["camel"]).await;
        followed.catch_up(&world.store).await.unwrap();
        world.holds(&opened, [0, 1, 1, 0], "read again").await;

        world.remove("b").await;
        followed.catch_up(&world.store).await.unwrap();
        world.holds(&opened, [0, 0, 1, 0], "one taken out").await;

        // Came and went while nobody followed.
        world.add("c", &["donkey"]).await;
        world.remove("c").await;
        world.add("d", &["donkey"]).await;
        followed.catch_up(&world.store).await.unwrap();
        world.holds(&opened, [0, 0, 1, 1], "one that was never seen").await;

        let (tenant, store) = world.place();
        world.store.of(tenant).delete_store(store).await.unwrap();
        followed.catch_up(&world.store).await.unwrap();
        world.holds(&opened, [0, 0, 0, 0], "all deleted").await;
        world.is_at_the_end(&opened).await;
    })
    .await;
}

#[tokio::test]
async fn changes_told_twice_stand_once() {
    for_each(async |mut world| {
        world.add("a", &["aardvark"]).await;
        world.add("b", &["aardvark", "buffalo"]).await;
        world.remove("a").await;
        let target = world.store.position().await.unwrap();
        let opened = world.open();
        let followed = opened.followed();

        for since in [0, 0, 1, target.sequence, 0] {
            let changes = world.store.changes(since, target, followed.follower.model()).await.unwrap();
            followed.follower.apply(changes).await.unwrap();
            if since == 0 {
                world.holds(&opened, [1, 1, 0, 0], "told again").await;
            }
        }
        world.holds(&opened, [1, 1, 0, 0], "at the end").await;
        world.is_at_the_end(&opened).await;
    })
    .await;
}

#[tokio::test]
async fn a_follower_that_was_wiped_is_told_everything_again() {
    for_each(async |mut world| {
        world.add("a", &["aardvark"]).await;
        world.add("b", &["buffalo"]).await;
        world.remove("a").await;
        let opened = world.open();
        let followed = opened.followed();
        followed.catch_up(&world.store).await.unwrap();

        followed.follower.wipe().await.unwrap();
        assert_eq!(opened.position().await, Position::default());
        world.holds(&opened, [0, 0, 0, 0], "wiped").await;
        followed.catch_up(&world.store).await.unwrap();
        world.holds(&opened, [0, 1, 0, 0], "built anew").await;

        // Its folder is broken, and then gone.
        drop((opened, followed));
        std::fs::write(world.folder.path().join("index/meta.json"), "{ not json").unwrap();
        let opened = world.open();
        opened.followed().catch_up(&world.store).await.unwrap();
        world.holds(&opened, [0, 1, 0, 0], "after its folder broke").await;
        drop(opened);
        std::fs::remove_dir_all(world.folder.path().join("index")).unwrap();
        let opened = world.open();
        opened.followed().catch_up(&world.store).await.unwrap();
        world.holds(&opened, [0, 1, 0, 0], "after its folder was deleted").await;
    })
    .await;
}

#[tokio::test]
async fn a_follower_that_knows_of_another_database_or_of_the_future_is_wiped() {
    for_each(async |mut world| {
        world.add("a", &["aardvark"]).await;
        let here = world.store.position().await.unwrap();
        let opened = world.open();
        let followed = opened.followed();
        for position in
            [Position { epoch: here.epoch + 1, ..here }, Position { epoch: here.epoch, sequence: here.sequence + 7 }]
        {
            let mut changes = world.store.changes(0, here, followed.follower.model()).await.unwrap();
            for entry in &mut changes.entries {
                // Something that this database never had.
                entry.number += 1;
                entry.text = "Of the donkey".to_owned();
                entry.vector = Some(vector("donkey"));
            }
            followed.follower.apply(Changes { position, ..changes }).await.unwrap();
            assert_eq!(opened.n_about(&world.scope, "donkey").await, 1, "it has what never happened");

            followed.catch_up(&world.store).await.unwrap();

            world.holds(&opened, [1, 0, 0, 0], "wiped and told everything").await;
            world.is_at_the_end(&opened).await;
        }
    })
    .await;
}

#[tokio::test]
async fn what_a_follower_has_taken_in_survives_a_kill_with_its_position() {
    for_each(async |mut world| {
        world.add("a", &["aardvark"]).await;
        let opened = world.open();
        let followed = opened.followed();
        followed.catch_up(&world.store).await.unwrap();
        let then = opened.position().await;
        // What a process leaves that is killed now: the files as they are, nothing closed.
        let left = world.folder.path().join("left");
        std::fs::create_dir(&left).unwrap();
        for entry in std::fs::read_dir(world.folder.path().join("index")).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), left.join(entry.file_name())).unwrap();
        }
        // And one that was killed while it wrote.
        std::fs::write(left.join("0123456789abcdef0123456789abcdef.store"), "half").unwrap();
        world.add("b", &["buffalo"]).await;
        followed.catch_up(&world.store).await.unwrap();

        let opened = world.open_at("left");

        assert_eq!(opened.position().await, then);
        world.holds(&opened, [1, 0, 0, 0], "after the kill").await;
        opened.followed().catch_up(&world.store).await.unwrap();
        world.holds(&opened, [1, 1, 0, 0], "went on").await;
    })
    .await;
}

/// What a follower does when it is called, to be told and to be asked.
#[derive(Clone, Default)]
struct Calls {
    /// So many of the next calls fail.
    n_failures: Arc<AtomicUsize>,
    /// Changes were taken in so many times.
    n_applied: Arc<AtomicUsize>,
}

struct Watched<F> {
    follower: F,
    calls: Calls,
}

impl<F> Watched<F> {
    fn fails(&self) -> Result<(), Error> {
        let left = self.calls.n_failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if left.is_ok() { Err(Error::BadRow { what: "disk" }) } else { Ok(()) }
    }
}

#[async_trait]
impl<F: Follower> Follower for Watched<F> {
    fn name(&self) -> &'static str {
        self.follower.name()
    }

    fn model(&self) -> Option<&str> {
        self.follower.model()
    }

    fn is_essential(&self) -> bool {
        self.follower.is_essential()
    }

    async fn position(&self) -> Result<Position, Error> {
        self.follower.position().await
    }

    async fn wipe(&self) -> Result<(), Error> {
        self.fails()?;
        self.follower.wipe().await
    }

    async fn apply(&self, changes: Changes) -> Result<(), Error> {
        self.fails()?;
        self.calls.n_applied.fetch_add(1, Ordering::SeqCst);
        self.follower.apply(changes).await
    }
}

impl Opened {
    fn watched(&self, calls: &Calls) -> Followed {
        let calls = calls.clone();
        match self {
            Self::Words(_, words) => Followed::new(Watched { follower: words.clone(), calls }),
            Self::Vectors(vectors) => Followed::new(Watched { follower: vectors.clone(), calls }),
        }
    }
}

#[tokio::test]
async fn a_follower_that_fails_keeps_no_other_back_and_comes_back_where_it_was() {
    for_each(async |mut world| {
        world.add("a", &["aardvark"]).await;
        let (broken, other) = (world.open(), world.open_at("other"));
        let calls = Calls::default();
        let followers = [broken.watched(&calls), other.followed()];
        catch_up(&followers, &world.store).await.unwrap();
        let then = broken.position().await;

        world.add("b", &["buffalo"]).await;
        world.remove("a").await;
        calls.n_failures.store(2, Ordering::SeqCst);
        assert!(catch_up(&followers, &world.store).await.is_err());
        let answers = catch_up_to_answer(&followers, &world.store).await;
        assert_eq!(answers.is_err(), matches!(world.kind, FollowerKind::Words), "only words are essential");

        assert_eq!(broken.position().await, then);
        world.holds(&broken, [1, 0, 0, 0], "while it fails").await;
        world.holds(&other, [0, 1, 0, 0], "the other one").await;

        catch_up(&followers, &world.store).await.unwrap();
        world.holds(&broken, [0, 1, 0, 0], "back").await;
        world.is_at_the_end(&broken).await;
    })
    .await;
}

#[tokio::test]
async fn many_changes_come_in_pieces_and_two_that_follow_at_once_do_it_once() {
    for_each(async |mut world| {
        let many: Vec<&str> = std::iter::repeat_n("aardvark", 700).collect();
        for name in ["a", "b", "c", "d"] {
            world.add(name, &many).await;
        }
        world.add("e", &["buffalo"]).await;
        let opened = world.open();
        let calls = Calls::default();
        let followed = opened.watched(&calls);

        let (one, other) = tokio::join!(followed.catch_up(&world.store), followed.catch_up(&world.store));

        one.and(other).unwrap();
        world.holds(&opened, [2_800, 1, 0, 0], "all of them").await;
        assert_eq!(calls.n_applied.load(Ordering::SeqCst), 3, "two files, two files and the last");
        world.is_at_the_end(&opened).await;
    })
    .await;
}

#[tokio::test]
async fn vectors_of_another_model_are_no_part_of_an_index() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::open(&Database::sqlite_uri(&folder.path().join("septet.db"))).await.unwrap();
    let mut world = World::new(FollowerKind::Vectors, database, folder).await;
    world.add("a", &["aardvark"]).await;
    let opened = world.open();
    opened.followed().catch_up(&world.store).await.unwrap();
    world.holds(&opened, [1, 0, 0, 0], "its own").await;
    drop(opened);

    let other = Vectors::open(&world.folder.path().join("index"), "another", world.cpu.clone()).unwrap();

    assert_eq!(other.position().await.unwrap(), Position::default());
    let other = Opened::Vectors(other);
    other.followed().catch_up(&world.store).await.unwrap();
    world.holds(&other, [0, 0, 0, 0], "another's").await;
    world.is_at_the_end(&other).await;
}
