//! Figures, beside their targets, on the terminal and in the results file.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use anyhow::Context;
use serde::Serialize;

/// A metric with its target, as agreed once for all areas.
pub(crate) struct Metric {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) is_at_most: bool,
    pub(crate) target: f64,
    /// A comparable product, and what was measured of it on a quiet machine of this kind.
    pub(crate) peer: Option<(&'static str, f64)>,
}

/// What was measured.
pub(crate) struct Figure {
    pub(crate) metric: Metric,
    pub(crate) value: f64,
}

#[derive(Serialize)]
struct Line<'a> {
    metric: &'a str,
    value: f64,
    unit: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer_value: Option<f64>,
    machine: String,
    date: String,
    command: String,
}

/// Prints the figures and appends them to `bench/results/<area>.jsonl`.
#[expect(clippy::print_stdout, reason = "a command for people")]
pub(crate) fn publish(area: &str, figures: &[Figure]) -> anyhow::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
    std::fs::create_dir_all(&folder).context("cannot create the folder of results")?;
    let path = folder.join(format!("{area}.jsonl"));
    let mut file = OpenOptions::new().create(true).append(true).open(&path).context("cannot open the results file")?;
    println!("{:<34} {:>12} {:>14}  {:<6} peer", "metric", "value", "target", "");
    for Figure { metric, value } in figures {
        let met = if metric.is_at_most { *value <= metric.target } else { *value >= metric.target };
        let sign = if metric.is_at_most { "<=" } else { ">=" };
        let times_better = |of_peer: f64| if metric.is_at_most { of_peer / value } else { value / of_peer };
        let peer = metric.peer.map_or_else(String::new, |(name, of_peer)| {
            format!("{name}: {of_peer:.2} ({:.1} times better)", times_better(of_peer))
        });
        let target = format!("{sign} {} {}", metric.target, metric.unit);
        println!("{:<34} {value:>12.2} {target:>14}  {:<6} {peer}", metric.name, if met { "met" } else { "MISSED" });
        let line = Line {
            metric: metric.name,
            value: (value * 1000.0).round() / 1000.0,
            unit: metric.unit,
            peer: metric.peer.map(|(name, _)| name),
            peer_value: metric.peer.map(|(_, of_peer)| (of_peer * 1000.0).round() / 1000.0),
            machine: machine(),
            date: jiff::Timestamp::now().to_string(),
            command: format!("make bench-{area}"),
        };
        writeln!(file, "{}", serde_json::to_string(&line)?)?;
    }
    Ok(())
}

fn machine() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    // Those of the machine: this process may keep to some of them.
    let cores = cpu.lines().filter(|line| line.starts_with("processor")).count();
    let model =
        cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("").trim_start_matches([' ', '\t', ':']);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!("{cores} cores, {model}, load {}", load.split(' ').next().unwrap_or("?"))
}
