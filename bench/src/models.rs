//! The model gateway beside LiteLLM's proxy: the same provider, the same load, one processor each, in the same run.
//!
//! The provider and the clients are in this process. It keeps off the first processor, which is the gateway's, except
//! where the delay by 64 clients is measured: there everything has the whole machine.

mod gateway;
mod load;
mod mock;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gateway::{Gateway, Product};
use load::{Load, Measurements};

use crate::process::{own_cpu, stay_on};
use crate::report::{Figure, Metric};

/// The gateway's processor, those of the clients and the provider, and all of them.
const FIRST: &str = "0";
const OTHERS: &str = "1-1023";
const ALL: &str = "0-1023";

const PEER: &str = "LiteLLM 1.106.2";

/// What was measured of one gateway.
struct Measured {
    first_answer_s: f64,
    added_p50_ms: f64,
    /// By 64 clients at once.
    unary: Answers,
    /// By 64 clients at once, with all processors for everyone.
    spread: Answers,
    /// By 16 clients at once.
    stream: Answers,
    /// With 256 streams open, at the beginning and after `minutes`.
    rss_mib: (f64, f64),
}

struct Answers {
    per_s: f64,
    events_per_s: f64,
    p50_ms: f64,
    p99_ms: f64,
    cpu_us: f64,
}

/// Measures ours, then the peer if `SEPTET_LITELLM` names its executable.
#[expect(clippy::print_stderr, reason = "a command for people")]
pub(crate) async fn measure() -> anyhow::Result<Vec<Figure>> {
    anyhow::ensure!(std::thread::available_parallelism()?.get() > 1, "a gateway and its load need two processors");
    let provider = mock::serve().await?;
    stay_on(OTHERS)?;
    let minutes = std::env::var("MINUTES").ok().and_then(|minutes| minutes.parse().ok()).unwrap_or(1.0);
    floor(provider).await?;
    let folder = tempfile::tempdir()?;
    let binary = crate::binary()?;
    // The first start makes the folder; the figure is about the second.
    let septet = Product::Septet(&binary);
    drop(septet.start(FIRST, folder.path(), provider).await?);
    let ours = measured("Septet", &septet, folder.path(), provider, minutes).await?;
    let peer = match std::env::var_os("SEPTET_LITELLM").map(PathBuf::from) {
        Some(executable) => Some(measured(PEER, &Product::LiteLlm(&executable), folder.path(), provider, 0.5).await?),
        None => {
            eprintln!("bench: without SEPTET_LITELLM, the executable of the peer, there is nothing to compare with");
            None
        }
    };
    Ok(figures(&ours, peer.as_ref()))
}

fn figures(ours: &Measured, peer: Option<&Measured>) -> Vec<Figure> {
    let figure = |name, unit, is_at_most, target, value: fn(&Measured) -> f64| Figure {
        metric: Metric { name, unit, is_at_most, target, peer: peer.map(|peer| (PEER, value(peer))) },
        value: value(ours),
    };
    vec![
        figure("unary_rps_per_core", "1/s", false, 15_000.0, |gateway| gateway.unary.per_s),
        figure("stream_events_per_s_per_core", "1/s", false, 300_000.0, |gateway| gateway.stream.events_per_s),
        figure("added_p50_ms_c1", "ms", true, 0.2, |gateway| gateway.added_p50_ms),
        figure("p99_ms_c64", "ms", true, 25.0, |gateway| gateway.spread.p99_ms),
        figure("rss_mib_256_streams", "MiB", true, 60.0, |gateway| gateway.rss_mib.0.max(gateway.rss_mib.1)),
        figure("first_answer_s", "s", true, 0.3, |gateway| gateway.first_answer_s),
    ]
}

/// The provider without a gateway: what the clients and the provider themselves cost.
#[expect(clippy::print_stdout, reason = "a command for people")]
async fn floor(provider: SocketAddr) -> anyhow::Result<()> {
    for (name, is_stream) in [("unary", false), ("streams", true)] {
        let load = Load { is_stream, n: 64, ..Load::of(provider, "") };
        let (before, measured) = (own_cpu(), load.run().await?);
        println!(
            "  without a gateway, {name}: {:.0} answers/s, {:.0} events/s, p50 {:.3} ms, p99 {:.3} ms, {:.1} us of a processor each (provider and client)",
            measured.answers_per_s(),
            measured.events_per_s(),
            measured.ms(0.5),
            measured.ms(0.99),
            per_answer(own_cpu() - before, &measured),
        );
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a command for people")]
async fn measured(
    name: &str,
    product: &Product<'_>,
    folder: &Path,
    provider: SocketAddr,
    minutes: f64,
) -> anyhow::Result<Measured> {
    let gateway = product.start(FIRST, folder, provider).await?;
    println!(
        "{name}: first answer after {:.3} s, {:.1} MiB",
        gateway.first_answer.as_secs_f64(),
        gateway.process.tree_mib()?
    );
    let added_p50_ms = added(&gateway, provider).await?;
    println!("  one client: {added_p50_ms:.3} ms added to the median");
    let unary = answers("64 clients", &gateway, Load { n: 64, ..gateway.load() }).await?;
    let stream = answers("16 streams", &gateway, Load { n: 16, is_stream: true, ..gateway.load() }).await?;
    let rss_mib = slow_streams(&gateway, minutes).await?;
    let first_answer_s = gateway.first_answer.as_secs_f64();
    drop(gateway);
    stay_on(ALL)?;
    let gateway = product.start(ALL, folder, provider).await?;
    let spread = answers("64 clients, all processors", &gateway, Load { n: 64, ..gateway.load() }).await?;
    stay_on(OTHERS)?;
    Ok(Measured { first_answer_s, added_p50_ms, unary, spread, stream, rss_mib })
}

/// What the gateway adds to the median of one client; direct and through the gateway by turns, so that a change of the
/// machine's mood meets both.
async fn added(gateway: &Gateway, provider: SocketAddr) -> anyhow::Result<f64> {
    let brief = |load: Load| Load { warm: Duration::from_millis(200), counted: Duration::from_millis(1500), ..load };
    let mut added = Vec::new();
    for _ in 0..5 {
        let direct = brief(Load::of(provider, "")).run().await?;
        let through = brief(gateway.load()).run().await?;
        added.push(through.ms(0.5) - direct.ms(0.5));
    }
    added.sort_by(f64::total_cmp);
    Ok(added[added.len() / 2])
}

#[expect(clippy::print_stdout, reason = "a command for people")]
async fn answers(name: &str, gateway: &Gateway, load: Load) -> anyhow::Result<Answers> {
    let before = gateway.process.cpu();
    let begun = Instant::now();
    let measured = load.run().await?;
    let cpu = gateway.process.cpu() - before;
    // The processor time holds the warm-up, the answers do not.
    let share = measured.elapsed.as_secs_f64() / begun.elapsed().as_secs_f64();
    let answers = Answers {
        per_s: measured.answers_per_s(),
        events_per_s: measured.events_per_s(),
        p50_ms: measured.ms(0.5),
        p99_ms: measured.ms(0.99),
        cpu_us: per_answer(cpu.mul_f64(share), &measured),
    };
    println!(
        "  {name}: {:.0} answers/s, {:.0} events/s, p50 {:.2} ms, p99 {:.2} ms, {:.1} us of a processor each, {:.2} processors busy, {:.1} MiB",
        answers.per_s,
        answers.events_per_s,
        answers.p50_ms,
        answers.p99_ms,
        answers.cpu_us,
        cpu.as_secs_f64() / begun.elapsed().as_secs_f64(),
        gateway.process.tree_mib()?,
    );
    Ok(answers)
}

/// Memory while 256 clients read streams of three seconds, one after the other.
#[expect(clippy::print_stdout, reason = "a command for people")]
async fn slow_streams(gateway: &Gateway, minutes: f64) -> anyhow::Result<(f64, f64)> {
    let counted = Duration::from_secs_f64(minutes * 60.0);
    let load = Load { model: "slow", n: 256, is_stream: true, counted, ..gateway.load() };
    let streams = tokio::spawn(load.run());
    tokio::time::sleep(Duration::from_secs(8)).await;
    let level = gateway.process.tree_mib()?;
    let mut most = level;
    while !streams.is_finished() {
        most = most.max(gateway.process.tree_mib()?);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let measured = streams.await??;
    let end = gateway.process.tree_mib()?;
    println!(
        "  256 slow streams for {minutes} min: {} answered, {level:.1} MiB after 8 s, at most {most:.1} MiB, {end:.1} MiB at the end",
        measured.n_answers
    );
    Ok((level, most))
}

#[expect(clippy::cast_precision_loss, reason = "counts of a benchmark")]
fn per_answer(cpu: Duration, measured: &Measurements) -> f64 {
    cpu.as_secs_f64() * 1e6 / measured.n_answers.max(1) as f64
}

impl Gateway {
    fn load(&self) -> Load {
        Load::of(self.address, &self.key)
    }
}
