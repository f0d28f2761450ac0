//! The money of tenants under everything that can happen to a call: thousands of random operations side by side, some
//! cancelled, some left, some in the background, and both services killed again and again.
//!
//! In the end the books are those of the usage records, to the nano-unit, and no prepaid balance was ever below zero by
//! more than what one provider counted beyond what was kept back for one call.
//!
//! `SEPTET_MONEY_OPERATIONS` says how many operations (2,500 unless told), `SEPTET_MONEY_SEED` which ones.

#![expect(clippy::unwrap_used, reason = "a simulation that cannot go on has failed")]

mod harness;
mod operations;
mod provider;
mod simulation;

use septet_database::Database;
use septet_kernel::{Clock, Ids, TenantId};

use crate::simulation::simulate;

#[expect(clippy::disallowed_methods, reason = "tests are told by their environment how much to do")]
fn told(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

fn number(name: &str, usual: u64) -> u64 {
    told(name).map_or(usual, |text| text.parse().expect("a number"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ledger_is_the_usage_and_no_balance_is_overspent_whatever_happens() {
    let folder = tempfile::tempdir().unwrap();
    let uri = Database::sqlite_uri(&folder.path().join("money.db"));
    simulate(&uri, folder.path(), number("SEPTET_MONEY_OPERATIONS", 2_500), number("SEPTET_MONEY_SEED", 11)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_holds_on_postgres() {
    let Some(server) = told("SEPTET_TEST_POSTGRES") else {
        eprintln!("skipped: set SEPTET_TEST_POSTGRES to run this on PostgreSQL");
        return;
    };
    use sea_orm::ConnectionTrait;
    let name = format!("septet_money_{}", Ids::new(Clock::system()).next::<TenantId>().uuid().simple());
    let admin = Database::open(&server).await.unwrap();
    admin.writer().execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
    let (base, _database) = server.rsplit_once('/').expect("the URL names a database");
    let folder = tempfile::tempdir().unwrap();
    simulate(&format!("{base}/{name}"), folder.path(), number("SEPTET_MONEY_OPERATIONS", 2_500) / 4, 12).await;
}
