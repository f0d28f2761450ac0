//! Counters on a store of their own, and the macro that runs the suite on every driver.

use std::time::Duration;

use septet_database::Database;
use septet_kernel::{Clock, Ids, RecordId};
use septet_kv::{Amounts, Ask, Counter, Counters, Error, Limit, Refused, Reserved, Settings, What, Window};

use crate::server::Server;

/// The moment at which every test begins: a Wednesday, 2025-06-18 12:00:00.250 UTC.
pub(crate) const START_MS: i64 = 1_750_248_000_250;

pub(crate) const LEASE: Duration = Duration::from_secs(600);

/// Counters under test, with the clock that moves them.
pub(crate) struct Bench {
    pub(crate) counters: Counters,
    pub(crate) clock: Clock,
    settings: Settings,
    _folder: Option<tempfile::TempDir>,
    _server: Option<Server>,
}

impl Bench {
    pub(crate) async fn memory() -> Option<Self> {
        let clock = Clock::manual(START_MS);
        Some(Self::on(Settings::new("memory:", clock.clone()), clock, None, None).await)
    }

    pub(crate) async fn sqlite() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&Database::sqlite_uri(&folder.path().join("kv.db"))).await.unwrap();
        let clock = Clock::manual(START_MS);
        let settings = Settings::new("memory:", clock.clone()).with_database(database);
        Some(Self::on(settings, clock, Some(folder), None).await)
    }

    /// Nothing, aloud, when there is no Redis.
    pub(crate) async fn redis() -> Option<Self> {
        let server = Server::any().await?;
        let clock = Clock::manual(START_MS);
        let settings = Settings::new(server.uri(), clock.clone()).with_prefix(unique()).with_given_time();
        Some(Self::on(settings, clock, None, Some(server)).await)
    }

    async fn on(settings: Settings, clock: Clock, folder: Option<tempfile::TempDir>, server: Option<Server>) -> Self {
        let counters = Counters::open(settings.clone()).await.unwrap();
        Self { counters, clock, settings, _folder: folder, _server: server }
    }

    /// The same store, opened as another process would.
    pub(crate) async fn reopen(&self) -> Counters {
        Counters::open(self.settings.clone()).await.unwrap()
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    pub(crate) async fn reserve(&self, hold: &str, limits: &[Limit], amounts: Amounts) -> Result<Reserved, Error> {
        self.counters.reserve(&Ask::new(hold, limits, amounts, LEASE)).await
    }

    pub(crate) async fn refused(&self, hold: &str, limits: &[Limit], amounts: Amounts) -> Refused {
        match self.reserve(hold, limits, amounts).await {
            Err(Error::Refused(refused)) => *refused,
            other => panic!("{hold} was to be refused: {other:?}"),
        }
    }

    pub(crate) async fn settle(&self, hold: &str, real: Amounts) -> septet_kv::Settled {
        self.counters.settle(hold, real).await.unwrap()
    }

    /// Used and reserved of one limit.
    pub(crate) async fn numbers(&self, limit: &Limit) -> (u64, u64) {
        let counter = self.look(limit).await;
        (counter.used, counter.reserved)
    }

    pub(crate) async fn look(&self, limit: &Limit) -> Counter {
        self.counters.look(std::slice::from_ref(limit)).await.unwrap().remove(0)
    }
}

pub(crate) fn unique() -> String {
    format!("test-{}", Ids::new(Clock::system()).next::<RecordId>())
}

pub(crate) const UTC_DAY: Window = Window::Day { utc_offset_s: 0 };

pub(crate) fn money(scope: &str, window: Window, max: u64) -> Limit {
    Limit::new(scope, What::Money, window, max)
}

pub(crate) fn tokens(scope: &str, window: Window, max: u64) -> Limit {
    Limit::new(scope, What::Tokens, window, max)
}

pub(crate) fn requests(scope: &str, window: Window, max: u64) -> Limit {
    Limit::new(scope, What::Requests, window, max)
}

/// One call of so many tokens and so much money.
pub(crate) fn call(tokens: u64, money_nano: u64) -> Amounts {
    Amounts { requests: 1, tokens, money_nano }
}

/// Runs every test on every driver.
#[macro_export]
macro_rules! suite {
    ($(async fn $name:ident($bench:ident: Bench) $body:block)*) => {
        suite! { in on_memory by memory $($name $bench $body)* }
        suite! { in on_memory_with_sqlite by sqlite $($name $bench $body)* }
        suite! { in on_redis by redis $($name $bench $body)* }
    };
    (in $module:ident by $open:ident $($name:ident $bench:ident $body:block)*) => {
        mod $module {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    let Some($bench) = Bench::$open().await else { return };
                    $body
                }
            )*
        }
    };
}
