//! Several processes on one store, and what is left when one of them is killed.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use septet_database::Database;
use septet_kernel::Clock;
use septet_kv::{Ask, Counters, Error, Limit, Settings, Window};

use crate::bench::{LEASE, call, money, unique};
use crate::server::Server;

const PART: &str = "SEPTET_KV_TEST_PART";
const URI: &str = "SEPTET_KV_TEST_URI";
const PREFIX: &str = "SEPTET_KV_TEST_PREFIX";

fn limits() -> [Limit; 2] {
    [money("tenant:a", Window::Total, 1000), Limit::concurrency("tenant:a", 500)]
}

/// This program once more, doing only its part; its lines come back.
struct Other {
    process: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Other {
    fn start(part: &str, uri: &str, prefix: &str) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "processes::the_part_of_the_other_process", "--nocapture"])
            .env(PART, part)
            .env(URI, uri)
            .env(PREFIX, prefix)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, lines }
    }

    /// The next line that is meant for us; nothing when it ended.
    fn next(&mut self) -> Option<String> {
        self.lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.split_once("said: ").map(|(_, text)| text.to_owned()))
    }

    /// `kill -9`, and every line that it still said.
    fn kill(mut self) -> Vec<String> {
        self.process.kill().unwrap();
        let rest = std::iter::from_fn(|| self.next()).collect();
        self.process.wait().unwrap();
        rest
    }
}

#[expect(clippy::print_stdout, reason = "this is how the processes speak to each other")]
fn say(text: impl std::fmt::Display) {
    println!("said: {text}");
}

/// Not a test by itself: the other processes run it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_part_of_the_other_process() {
    let (Some(part), Some(uri)) = (crate::variable(PART), crate::variable(URI)) else { return };
    let prefix = crate::variable(PREFIX).unwrap_or_default();
    match part.as_str() {
        "compete" => compete(&redis(&uri, &prefix).await).await,
        "hold" => hold(&redis(&uri, &prefix).await).await,
        "spend" => spend(&uri).await,
        other => panic!("there is no part {other}"),
    }
}

async fn redis(uri: &str, prefix: &str) -> Counters {
    Counters::open(Settings::new(uri, Clock::system()).with_prefix(prefix)).await.unwrap()
}

/// Reserves 10 and spends 1 to 10 until the money is gone; says what it spent in all.
async fn compete(counters: &Counters) {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let counters = counters.clone();
        tasks.spawn(async move {
            let mut spent = 0;
            for n in 1.. {
                let hold = unique();
                match counters.reserve(&Ask::new(&hold, &limits(), call(0, 10), LEASE)).await {
                    Ok(_) => {
                        let real = 1 + n % 10;
                        counters.settle(&hold, call(0, real)).await.unwrap();
                        spent += real;
                    }
                    // Others hold the rest and may give it back.
                    Err(Error::Refused(refused)) if refused.used + refused.wanted <= refused.limit.max => {}
                    Err(Error::Refused(_)) => break,
                    Err(other) => panic!("{other:?}"),
                }
                let counter = counters.look(&limits()[..1]).await.unwrap().remove(0);
                assert!(counter.used + counter.reserved <= 1000, "{counter:?}");
            }
            spent
        });
    }
    say(tasks.join_all().await.into_iter().sum::<u64>());
}

/// Takes all there is on a short lease, says so, and waits to be killed.
async fn hold(counters: &Counters) {
    for n in 0..100 {
        let hold = format!("{}-{n}", unique());
        counters.reserve(&Ask::new(&hold, &limits(), call(0, 10), Duration::from_secs(2))).await.unwrap();
    }
    say("all is held");
    std::future::pending::<()>().await;
}

/// Spends one after the other for ever and says each that is confirmed.
async fn spend(uri: &str) {
    let database = Database::open(uri).await.unwrap();
    let counters = Counters::open(Settings::new("memory:", Clock::system()).with_database(database)).await.unwrap();
    for n in 1.. {
        let hold = format!("h{n}");
        counters.reserve(&Ask::new(&hold, &[money("k", Window::Total, u64::MAX)], call(0, 7), LEASE)).await.unwrap();
        counters.settle(&hold, call(0, 3)).await.unwrap();
        say(n);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_on_one_redis_never_spend_more_than_there_is() {
    let Some(server) = Server::any().await else { return };
    let prefix = unique();
    let mut others = [0, 1].map(|_| Other::start("compete", server.uri(), &prefix));

    let spent: u64 = others.iter_mut().map(|other| other.next().unwrap().parse::<u64>().unwrap()).sum();
    for mut other in others {
        assert!(other.process.wait().unwrap().success());
    }

    let counters = redis(server.uri(), &prefix).await;
    let now = counters.look(&limits()).await.unwrap();
    assert_eq!((now[0].used, now[0].reserved), (spent, 0), "the counter is the sum of what both spent");
    assert!(spent > 990 && spent <= 1000, "{spent}");
    assert_eq!((now[1].used, now[1].reserved), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_process_held_comes_back() {
    let Some(server) = Server::any().await else { return };
    let prefix = unique();
    let counters = redis(server.uri(), &prefix).await;
    let mut other = Other::start("hold", server.uri(), &prefix);
    assert_eq!(other.next().as_deref(), Some("all is held"));
    let ours = unique();
    let limits = limits();
    let ask = Ask::new(&ours, &limits, call(0, 1000), LEASE);
    assert!(matches!(counters.reserve(&ask).await, Err(Error::Refused(_))));

    other.kill();

    let mut n_refused = 0;
    while let Err(error) = counters.reserve(&ask).await {
        assert!(matches!(error, Error::Refused(_)) && n_refused < 1000, "{error:?}");
        n_refused += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let now = counters.look(&limits).await.unwrap();
    assert_eq!((now[0].used, now[0].reserved, now[1].reserved), (0, 1000, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_confirmed_settlement_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let uri = Database::sqlite_uri(&folder.path().join("kv.db"));
    let mut before = 0;
    for _ in 0..3 {
        let mut other = Other::start("spend", &uri, "");
        let mut n_confirmed = 0;
        while n_confirmed < 40 {
            n_confirmed = other.next().unwrap().parse::<u64>().unwrap();
        }
        if let Some(last) = other.kill().last() {
            n_confirmed = last.parse::<u64>().unwrap();
        }

        let database = Database::open(&uri).await.unwrap();
        let counters = Counters::open(Settings::new("memory:", Clock::system()).with_database(database)).await.unwrap();
        let used = counters.look(&[money("k", Window::Total, 0)]).await.unwrap()[0].used;
        let n_kept = (used - before) / 3;
        assert_eq!((used - before) % 3, 0, "a settlement is there whole or not at all");
        assert!(n_kept == n_confirmed || n_kept == n_confirmed + 1, "{n_confirmed} confirmed, {n_kept} kept");
        before = used;
    }
}
