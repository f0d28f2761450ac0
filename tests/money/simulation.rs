//! The simulation, and what must be true in the end.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use septet_contracts::gateway::BillingMode;
use septet_contracts::models::UsageRecord;
use septet_kernel::{Id, Money, TenantId};

use crate::harness::Harness;
use crate::operations::{Ended, Operation, OperationKind, caller, draw};
use crate::provider::Provider;

/// Operations side by side: on PostgreSQL no more than find a connection at once, for opening one is slow without
/// optimisation.
const WORKERS: u64 = 24;
const WORKERS_ON_POSTGRES: u64 = 6;
const PREPAID: usize = 16;
const UNLIMITED: usize = 2;

/// What happened during the simulation.
#[derive(Default)]
struct Observations {
    ended: Mutex<BTreeMap<(OperationKind, Ended), u64>>,
    /// What was put on each account.
    paid: Mutex<HashMap<TenantId, i64>>,
    /// The lowest that each balance was.
    lowest: Mutex<HashMap<TenantId, i64>>,
    n_kills_of_gateway: AtomicU64,
    n_kills_of_accounts: AtomicU64,
}

pub(crate) async fn simulate(uri: &str, folder: &Path, n_operations: u64, seed: u64) {
    let begun = Instant::now();
    let provider = Provider::start().await;
    let harness = Arc::new(Harness::open(uri, folder, &provider).await);
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut tenant = || TenantId::from_uuid(uuid::Uuid::from_u128(rng.random()));
    let prepaid: Vec<TenantId> = (0..PREPAID).map(|_| tenant()).collect();
    let tenants: Vec<TenantId> = prepaid.iter().copied().chain((0..UNLIMITED).map(|_| tenant())).collect();
    let seen = Arc::new(Observations::default());
    for tenant in &prepaid {
        harness.billing.set_mode(*tenant, BillingMode::Prepaid).await.unwrap();
        let amount = rng.random_range(0..3_000_000);
        if amount > 0 {
            harness.billing.top_up(*tenant, Money(amount), "first", "").await.unwrap();
        }
        seen.paid.lock().unwrap().insert(*tenant, amount);
    }

    // A kill of the model gateway comes so often, and one of the accounts a little less; in a short simulation more
    // often, for each is to happen.
    let kill_every = (n_operations / 6).clamp(60, 1_500);
    let next = Arc::new(AtomicU64::new(0));
    let mut workers = tokio::task::JoinSet::new();
    let n_workers = if uri.starts_with("sqlite") { WORKERS } else { WORKERS_ON_POSTGRES };
    for worker in 0..n_workers {
        let (harness, seen, next, tenants) = (harness.clone(), seen.clone(), next.clone(), tenants.clone());
        let mut rng = SmallRng::seed_from_u64(seed.wrapping_mul(1_000_003).wrapping_add(worker));
        workers.spawn(async move {
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= n_operations {
                    return;
                }
                one(&harness, &seen, &tenants, n, kill_every, &mut rng).await;
            }
        });
    }
    while let Some(done) = workers.join_next().await {
        done.unwrap();
    }
    settle(&harness, &prepaid).await;
    let records = records(&harness).await;
    check(&harness, &seen, &tenants, &records, &provider).await;
    report(&seen, &records, n_operations, seed, begun.elapsed());
    everything_happened(&seen);
}

/// A simulation in which nothing went wrong says nothing about what happens then.
fn everything_happened(seen: &Observations) {
    for (of, n) in [("model gateway", &seen.n_kills_of_gateway), ("accounts", &seen.n_kills_of_accounts)] {
        let n = n.load(Ordering::Relaxed);
        assert!(n >= 2, "the {of} was killed {n} times");
    }
    let seen = seen.ended.lock().unwrap();
    let ends = [
        Ended::Answered,
        Ended::Cancelled,
        Ended::LeftInBackground,
        Ended::NoMoney,
        Ended::ProviderFailed,
        Ended::ToppedUp,
    ];
    for end in ends {
        assert!(seen.keys().any(|(_, ended)| *ended == end), "no operation ended as {end:?}");
    }
}

async fn one(
    harness: &Harness,
    seen: &Observations,
    tenants: &[TenantId],
    n: u64,
    kill_every: u64,
    rng: &mut SmallRng,
) {
    harness.clock.advance(Duration::from_millis(rng.random_range(0..40)));
    if n % kill_every == kill_every - 1 {
        harness.kill_gateway().await;
        seen.n_kills_of_gateway.fetch_add(1, Ordering::Relaxed);
    }
    if n % (kill_every / 2 * 3) == kill_every / 3 {
        harness.kill_accounts().await;
        seen.n_kills_of_accounts.fetch_add(1, Ordering::Relaxed);
    }
    let tenant = tenants[rng.random_range(0..tenants.len())];
    let kind = draw(rng);
    let operation = Operation { harness, caller: caller(tenant, rng), name: format!("operation-{n}") };
    if kind == OperationKind::TopUp {
        // The same draw as the operation's own.
        let amount: i64 = rng.clone().random_range(1..400_000);
        *seen.paid.lock().unwrap().entry(tenant).or_default() += amount;
    }
    let ended = operation.carry_out(kind, rng).await;
    *seen.ended.lock().unwrap().entry((kind, ended)).or_default() += 1;
    // A look that a busy database has no connection for is one look less.
    let Ok(balance) = harness.billing.balance(tenant).await.map(|balance| balance.balance_nano) else { return };
    let mut lowest = seen.lowest.lock().unwrap();
    let known = lowest.entry(tenant).or_insert(0);
    *known = balance.min(*known);
}

/// Lets everything come to its end: the last calls, the last records, and the holds of those that were killed.
async fn settle(harness: &Harness, prepaid: &[TenantId]) {
    harness.quiet().await;
    // Beyond the time of any hold; twice, for what was made just before.
    harness.clock.advance(Duration::from_secs(2_000));
    for _ in 0..3_000 {
        let mut n_held = 0;
        for tenant in prepaid {
            n_held += i32::from(harness.billing.balance(*tenant).await.unwrap().held_nano != 0);
        }
        if n_held == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("holds are left whose calls are over");
}

/// All usage records, once the feed is at its end.
async fn records(harness: &Harness) -> Vec<UsageRecord> {
    let asker = caller(TenantId::from_uuid(uuid::Uuid::nil()), &mut SmallRng::seed_from_u64(0));
    let (mut all, mut cursor) = (Vec::new(), 0);
    loop {
        let page = harness.models.usage_after(&asker, cursor, 1_000).await.unwrap();
        cursor = page.next;
        all.extend(page.data);
        if !page.has_more {
            return all;
        }
    }
}

async fn check(
    harness: &Harness,
    seen: &Observations,
    tenants: &[TenantId],
    records: &[UsageRecord],
    provider: &Provider,
) {
    let (paid, lowest) = (seen.paid.lock().unwrap().clone(), seen.lowest.lock().unwrap().clone());
    for tenant in tenants {
        let own: Vec<&UsageRecord> = records.iter().filter(|record| record.tenant == *tenant).collect();
        let used: i64 = own.iter().map(|record| record.cost_nano).sum();
        let wanted = paid.get(tenant).copied().unwrap_or(0) - used;
        // The feed may have a page to go.
        let mut balance = harness.billing.balance(*tenant).await.unwrap();
        for _ in 0..500 {
            if balance.balance_nano == wanted {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            balance = harness.billing.balance(*tenant).await.unwrap();
        }
        assert_eq!(balance.balance_nano, wanted, "{tenant}: the ledger is what was paid less what was used");
        assert_eq!(balance.held_nano, 0);
        if balance.mode == BillingMode::Prepaid {
            let beyond = own.iter().map(|record| (record.cost_nano - record.reserved_nano.unwrap_or(0)).max(0));
            let beyond = beyond.max().unwrap_or(0);
            let lowest = lowest.get(tenant).copied().unwrap_or(0).min(balance.balance_nano);
            assert!(lowest >= -beyond, "{tenant}: {lowest} with {beyond} beyond what was kept back for one call");
            let unpaid = own.iter().find(|record| record.cost_nano > 0 && record.hold.is_none());
            assert!(unpaid.is_none(), "a call that cost was not reserved: {unpaid:?}");
        }
    }
    assert_eq!(harness.billing.check().await.unwrap(), (vec![], true), "balances, holds and ledger agree");
    for record in records.iter().filter(|record| !record.estimated) {
        let text = record.run.as_deref().unwrap_or_default();
        let said = provider.said(text);
        let is_embedding = record.model.starts_with("text-embedding");
        let counted = (record.input_tokens, record.output_tokens);
        assert!(is_embedding || said.contains(&counted), "{text}: {counted:?} is not among what was said: {said:?}");
    }
}

fn report(seen: &Observations, records: &[UsageRecord], n_operations: u64, seed: u64, elapsed: Duration) {
    let ended = seen.ended.lock().unwrap();
    let mut kinds: BTreeMap<OperationKind, Vec<String>> = BTreeMap::new();
    for ((kind, ended), n) in ended.iter() {
        kinds.entry(*kind).or_default().push(format!("{ended:?} {n}"));
    }
    eprintln!(
        "{n_operations} operations with seed {seed} in {:.1} s, {} kills of the model gateway, {} of the accounts",
        elapsed.as_secs_f64(),
        seen.n_kills_of_gateway.load(Ordering::Relaxed),
        seen.n_kills_of_accounts.load(Ordering::Relaxed)
    );
    for (kind, ends) in kinds {
        eprintln!("  {kind:?}: {}", ends.join(", "));
    }
    let billed: i64 = records.iter().map(|record| record.cost_nano).sum();
    let worst = records.iter().filter_map(|record| Some(record.cost_nano - record.reserved_nano?)).max();
    let lowest = seen.lowest.lock().unwrap().values().copied().min().unwrap_or(0);
    eprintln!(
        "  {} usage records, {billed} nano billed and booked; the largest difference to a hold was {}; lowest balance {lowest} (unlimited tenants included)",
        records.len(),
        worst.unwrap_or(0)
    );
}
