//! A queue on a database of its own, and the macro that runs the suite on every driver.

use septet_database::Database;
use septet_kernel::{Clock, Id, Ids, Role, ServiceName, TenantId};
use septet_queue::{NewJob, Queue, Requester};

/// A queue under test, with the clock that moves it.
pub(crate) struct Bench {
    pub(crate) queue: Queue,
    pub(crate) clock: Clock,
    ids: Ids,
    database: Database,
    _folder: Option<tempfile::TempDir>,
}

impl Bench {
    pub(crate) async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&Database::sqlite_uri(&folder.path().join("queue.db"))).await.unwrap();
        Self::on(database, Some(folder)).await
    }

    pub(crate) async fn postgres(server: &str) -> Self {
        use sea_orm::ConnectionTrait;
        let clock = Clock::system();
        let name = format!("septet_queue_{}", Ids::new(clock).next::<TenantId>().uuid().simple());
        let admin = Database::open(server).await.unwrap();
        admin.writer().execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
        let (base, _database) = server.rsplit_once('/').expect("the URL names a database");
        Self::on(Database::open(&format!("{base}/{name}")).await.unwrap(), None).await
    }

    async fn on(database: Database, folder: Option<tempfile::TempDir>) -> Self {
        let clock = Clock::manual(1_750_000_000_000);
        let ids = Ids::new(clock.clone());
        let queue = Queue::open(database.clone(), clock.clone(), ids.clone()).await.unwrap();
        Self { queue, clock, ids, database, _folder: folder }
    }

    pub(crate) fn tenant(&self) -> TenantId {
        self.id()
    }

    pub(crate) fn id<T: Id>(&self) -> T {
        self.ids.next()
    }

    /// Takes back what the step of the migration did that gave rights to jobs from before they were kept.
    pub(crate) async fn forget_rights(&self) {
        use sea_orm::ConnectionTrait;
        for statement in [
            "UPDATE worker_jobs SET created_role = NULL",
            "DELETE FROM worker_migrations WHERE version = 'm0003_least_rights'",
        ] {
            self.database.writer().execute_unprepared(statement).await.unwrap();
        }
    }

    pub(crate) async fn reopen(&self) -> Queue {
        Queue::open(self.database.clone(), self.clock.clone(), self.ids.clone()).await.unwrap()
    }
}

/// A job of this kind with the usual limits.
pub(crate) fn new(kind: &str) -> NewJob {
    NewJob {
        requester: Requester { user: None, key: None, role: Role::Member },
        kind: kind.to_owned(),
        owner: ServiceName::KnowledgeEngine,
        payload: serde_json::json!({"file": 1}),
        idempotency_key: None,
        max_attempts: 5,
        priority: 0,
        run_at_ms: None,
    }
}

/// The PostgreSQL server to test on, if one is named.
#[expect(clippy::disallowed_methods, reason = "tests have no settings file")]
pub(crate) fn postgres_server() -> Option<String> {
    std::env::var("SEPTET_TEST_POSTGRES").ok().filter(|url| !url.is_empty())
}

/// Runs every test on SQLite, and on PostgreSQL when a server is named.
#[macro_export]
macro_rules! suite {
    ($(async fn $name:ident($bench:ident: Bench) $body:block)*) => {
        mod on_sqlite {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    let $bench = Bench::sqlite().await;
                    $body
                }
            )*
        }

        mod on_postgres {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    let Some(server) = $crate::bench::postgres_server() else {
                        septet_fixtures::skipped("set SEPTET_TEST_POSTGRES to run this on PostgreSQL");
                        return;
                    };
                    let $bench = Bench::postgres(&server).await;
                    $body
                }
            )*
        }
    };
}
