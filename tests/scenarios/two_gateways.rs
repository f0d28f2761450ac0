//! Two processes of the model gateway count in one Redis, and one of them dies in the middle of its streams.

mod provider;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt;
use redis::AsyncCommands;
use septet_chassis::Platform;
use septet_contracts::call::{CallError, Client};
use septet_contracts::models::{CallOptions, ChatMessage, ChatRequest, Models, UsageRecord};
use septet_kernel::{Caller, Clock, Ids, Kind, RequestId, ServiceName, TenantId};
use septet_kv::{Counters, Settings};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use self::provider::Provider;
use crate::process::{Process, free_address, septet};

/// What a call may write.
const MOST_TOKENS: u64 = 1_000;
/// What a written token costs; reading costs nothing, so that the most that a call can come to is known exactly.
const TOKEN_NANO: u64 = 1_000;
/// The most that a call can come to.
const CALL_NANO: u64 = MOST_TOKENS * TOKEN_NANO;
/// Money for ten calls.
const BUDGET_NANO: u64 = 10 * CALL_NANO;
/// How long the room of a process lives that is not heard of any more.
const LEASE_MS: u64 = 120_000;

/// A process, and a client of it.
struct Gateway {
    /// Its key at the provider, by which its streams are told apart.
    key: &'static str,
    process: Process,
    models: Models,
    client: Client,
}

/// What became of a call.
#[derive(Debug)]
enum Heard {
    /// The first words are there.
    Begun,
    /// The budget refused it.
    Refused(CallError),
    /// It came to its end.
    Whole,
    /// It broke off in the middle.
    CutOff,
}

async fn open(folder: &Path, key: &'static str, redis: &str, tenant: TenantId, provider: &Provider) -> Gateway {
    let address = free_address();
    let data = folder.join(key);
    let settings = folder.join(format!("{key}.toml"));
    let text = format!(
        r#"
data = {data:?}
[listen.internal]
model-gateway = "{address}"
[models]
counters = "{redis}"
offline = false
[models.providers.up]
kind = "compatible"
base_url = "{url}"
api_key = "{key}"
[[models.providers.up.models]]
id = "m"
input_price = 0
output_price = {price}
[[models.budgets]]
scope = "tenant:{tenant}"
what = "money"
window = "total"
max = "0.010000000"
[[models.budgets]]
scope = "tenant:{tenant}"
what = "tokens"
window = "total"
max = 1_000_000_000
"#,
        url = provider.url,
        price = TOKEN_NANO * 1_000_000,
    );
    std::fs::write(&settings, text).unwrap();
    let process = Process::start(septet().args(["serve", "model-gateway", "--config"]).arg(&settings), address).await;
    let secret = std::fs::read_to_string(data.join("keys/internal.secret")).unwrap();
    let (models, client) = clients(&secret, address);
    Gateway { key, process, models, client }
}

fn clients(secret: &str, address: SocketAddr) -> (Models, Client) {
    let platform = Platform::new(&secret.into(), Clock::system());
    let name = ServiceName::ModelGateway;
    platform.directory.plug_remote(name, &format!("http://{address}"), None).unwrap();
    let transport = platform.directory.transport(name);
    (Models::new(transport.clone()), Client::new(name, transport))
}

/// Calls on their way, and what is heard of them.
struct Calls {
    caller: Caller,
    tasks: JoinSet<()>,
    sender: mpsc::UnboundedSender<(&'static str, Heard)>,
    heard: mpsc::UnboundedReceiver<(&'static str, Heard)>,
}

impl Calls {
    fn new(caller: &Caller) -> Self {
        let (sender, heard) = mpsc::unbounded_channel();
        Self { caller: caller.clone(), tasks: JoinSet::new(), sender, heard }
    }

    fn begin(&mut self, gateway: &Gateway) {
        let (models, caller, key) = (gateway.models.clone(), self.caller.clone(), gateway.key);
        let sender = self.sender.clone();
        self.tasks.spawn(async move {
            let asked = ChatRequest {
                model: "m".to_owned(),
                messages: vec![ChatMessage::user("go")],
                max_tokens: Some(MOST_TOKENS),
                ..ChatRequest::default()
            };
            let mut chunks = match models.chat_stream(&caller, &asked, &CallOptions::default()).await {
                Ok(chunks) => std::pin::pin!(chunks),
                Err(refused) => return sender.send((key, Heard::Refused(refused))).unwrap(),
            };
            let mut has_begun = false;
            while let Some(chunk) = chunks.next().await {
                match chunk {
                    Ok(_) if has_begun => {}
                    Ok(_) => {
                        has_begun = true;
                        sender.send((key, Heard::Begun)).unwrap();
                    }
                    Err(_broken) => return sender.send((key, Heard::CutOff)).unwrap(),
                }
            }
            sender.send((key, Heard::Whole)).unwrap();
        });
    }

    /// The next so many things that are heard.
    async fn hear(&mut self, n: usize) -> Vec<(&'static str, Heard)> {
        let mut all = Vec::new();
        for _ in 0..n {
            let next = tokio::time::timeout(Duration::from_secs(30), self.heard.recv()).await;
            all.push(next.expect("calls go on").unwrap());
        }
        all
    }

    /// Begins calls, every second one at each gateway, and says how many had begun at each when none was left undecided.
    async fn race(&mut self, gateways: &[&Gateway], n: usize) -> Vec<usize> {
        for at in 0..n {
            self.begin(gateways[at % gateways.len()]);
        }
        let heard = self.hear(n).await;
        let n_begun = |gateway: &&Gateway| {
            heard.iter().filter(|(key, heard)| *key == gateway.key && matches!(heard, Heard::Begun)).count()
        };
        let begun: Vec<usize> = gateways.iter().map(n_begun).collect();
        let refusals = heard.iter().filter_map(|(_, heard)| match heard {
            Heard::Refused(error) => Some(error),
            Heard::Begun => None,
            Heard::Whole | Heard::CutOff => panic!("no answer may end yet: {heard:?}"),
        });
        let mut n_refused = 0;
        for error in refusals {
            assert_eq!((error.kind, error.code.as_str()), (Kind::PaymentRequired, "budget_spent"), "{error}");
            n_refused += 1;
        }
        assert_eq!(begun.iter().sum::<usize>() + n_refused, n);
        begun
    }

    async fn whole(&mut self, n: usize) {
        for (_, heard) in self.hear(n).await {
            assert!(matches!(heard, Heard::Whole), "{heard:?}");
        }
    }
}

/// Where the two budgets stand: of money, of tokens; each used and held.
async fn look(gateway: &Client, caller: &Caller) -> [(u64, u64); 2] {
    let body: Value = gateway.get(caller, "/internal/budgets").answer().await.unwrap();
    let number = |at: usize, name: &str| body["data"][at][name].as_u64().unwrap();
    assert_eq!((&body["data"][0]["what"], number(0, "max")), (&Value::from("money_nano"), BUDGET_NANO));
    [0, 1].map(|at| (number(at, "used"), number(at, "held")))
}

async fn records(gateway: &Gateway, caller: &Caller) -> Vec<UsageRecord> {
    gateway.models.usage_after(caller, 0, 1_000).await.unwrap().data
}

/// What is spent is what the records say, to the token, and the records are what the provider said.
async fn agrees(gateways: &[&Gateway], caller: &Caller, provider: &Provider, n_held: usize) -> u64 {
    let mut all = Vec::new();
    for gateway in gateways {
        all.extend(records(gateway, caller).await);
    }
    let mut written: Vec<(u64, u64)> = all.iter().map(|one| (one.input_tokens, one.output_tokens)).collect();
    let mut said = provider.used();
    written.sort_unstable();
    said.sort_unstable();
    assert_eq!(written, said, "each call that ended has one record, with the provider's figures");
    assert!(all.iter().all(|one| !one.estimated && one.cost_nano.unsigned_abs() == one.output_tokens * TOKEN_NANO));
    let [money, tokens] = look(&gateways[0].client, caller).await;
    let spent: u64 = all.iter().map(|one| one.cost_nano.unsigned_abs()).sum();
    assert_eq!(money, (spent, n_held as u64 * CALL_NANO));
    assert_eq!(tokens.0, all.iter().map(|one| one.input_tokens + one.output_tokens).sum::<u64>());
    assert_eq!(tokens.1 == 0, n_held == 0);
    spent
}

/// Lets the leases of the tenant's open holds run out, as two minutes of silence would. Says how many there were.
async fn let_leases_run_out(uri: &str, tenant: TenantId) -> usize {
    let mut redis = redis::Client::open(uri).unwrap().get_multiplexed_async_connection().await.unwrap();
    let (seconds, _): (u64, u64) = redis::cmd("TIME").query_async(&mut redis).await.unwrap();
    let leases: Vec<(String, f64)> = redis.zrange_withscores("{septet:kv}:leases", 0, -1).await.unwrap();
    let counters = Counters::open(Settings::new(uri, Clock::system())).await.unwrap();
    let tenant = tenant.to_string();
    let mut n_held = 0;
    for (hold, ends_ms) in leases {
        let packed: Vec<u8> = redis.get(format!("{{septet:kv}}:h:{hold}")).await.unwrap();
        // Other tests may count in the same Redis.
        if packed.windows(tenant.len()).any(|part| part == tenant.as_bytes()) {
            assert!(ends_ms <= ((seconds + 1) * 1000 + LEASE_MS) as f64, "it ends by itself");
            counters.extend(&hold, Duration::from_millis(1)).await.unwrap();
            n_held += 1;
        }
    }
    n_held
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_is_killed_neither_overspends_a_shared_budget_nor_keeps_its_money() {
    let Some(redis) = std::env::var_os("SEPTET_TEST_REDIS").and_then(|uri| uri.into_string().ok()) else {
        eprintln!("skipped: set SEPTET_TEST_REDIS to run this on Redis (scripts/test.sh starts one)");
        return;
    };
    let ids = Ids::new(Clock::system());
    let tenant: TenantId = ids.next();
    let caller = Caller::background(tenant, ids.next::<RequestId>());
    let folder = tempfile::tempdir().unwrap();
    let provider = Provider::start().await;
    let (a, b) = tokio::join!(
        open(folder.path(), "first", &redis, tenant, &provider),
        open(folder.path(), "second", &redis, tenant, &provider),
    );

    // Somebody watches all the time.
    let is_over = Arc::new(AtomicBool::new(false));
    let mut watcher = JoinSet::new();
    let (client, watched, stop) = (a.client.clone(), caller.clone(), Arc::clone(&is_over));
    watcher.spawn(async move {
        let mut n_looks = 0_u32;
        while !stop.load(Ordering::Relaxed) {
            let [(used, held), _] = look(&client, &watched).await;
            assert!(used + held <= BUDGET_NANO, "{used} spent and {held} held of {BUDGET_NANO}");
            n_looks += 1;
        }
        n_looks
    });

    // Fifty streams at once: three at each process have begun, and the others race for the rest of the money.
    let mut calls = Calls::new(&caller);
    assert_eq!(calls.race(&[&a, &b], 6).await, [3, 3]);
    let more = calls.race(&[&a, &b], 44).await;
    let (n_first, n_second) = (more[0] + 3, more[1] + 3);
    assert_eq!((n_first + n_second, provider.n_begun()), (10, 10), "ten can be paid for");
    eprintln!("50 streams at once: {n_first} begun at the first process, {n_second} at the second, 40 refused");

    // One that ended before the kill was spent, for good.
    provider.end(b.key, 1);
    calls.whole(1).await;
    let n_dead = n_second - 1;
    agrees(&[&a, &b], &caller, &provider, 9).await;

    let key = b.key;
    b.process.kill();
    for (at, heard) in calls.hear(n_dead).await {
        assert!(at == key && matches!(heard, Heard::CutOff), "{at}: {heard:?}");
    }
    provider.left(n_dead).await;
    provider.end(a.key, n_first);
    calls.whole(n_first).await;
    eprintln!("kill -9 of the second process cut off {n_dead} streams; {n_first} of the first came to their end");

    // It starts anew on its folder: its record is there, and what it held is held still.
    let b = open(folder.path(), key, &redis, tenant, &provider).await;
    let spent = agrees(&[&a, &b], &caller, &provider, n_dead).await;
    let free = BUDGET_NANO - spent - n_dead as u64 * CALL_NANO;
    let begun = calls.race(&[&a, &b], 50).await;
    assert_eq!(begun.iter().sum::<usize>() as u64, free / CALL_NANO, "the held money is nobody's yet");
    eprintln!("while the dead hold {n_dead} calls' money, {free} nano are free: {begun:?} of 50 more begun");
    provider.end(a.key, begun[0]);
    // The first of its streams was let go before; those that died will never ask.
    provider.end(b.key, n_dead + begun[1]);
    calls.whole(begun.iter().sum()).await;
    let spent = agrees(&[&a, &b], &caller, &provider, n_dead).await;

    assert_eq!(let_leases_run_out(&redis, tenant).await, n_dead);
    let begun_at = Instant::now();
    while look(&a.client, &caller).await[0] != (spent, 0) {
        assert!(begun_at.elapsed() < Duration::from_secs(30), "the money of the dead comes back");
    }
    let n_affordable = usize::try_from((BUDGET_NANO - spent) / CALL_NANO).unwrap();
    assert!(n_affordable >= n_dead, "at least what the dead held");
    let begun = calls.race(&[&a, &b], 50).await;
    assert_eq!(begun.iter().sum::<usize>(), n_affordable);
    eprintln!("their leases ran out: {} nano are free, {begun:?} of 50 more begun", BUDGET_NANO - spent);
    provider.end(a.key, begun[0]);
    provider.end(b.key, begun[1]);
    calls.whole(n_affordable).await;
    let spent = agrees(&[&a, &b], &caller, &provider, 0).await;
    assert!(spent <= BUDGET_NANO);

    is_over.store(true, Ordering::Relaxed);
    let n_looks = watcher.join_next().await.unwrap().unwrap();
    assert!(n_looks > 0);
    eprintln!(
        "{spent} of {BUDGET_NANO} nano spent, as {} records say; never more in {n_looks} looks",
        provider.used().len()
    );
}
