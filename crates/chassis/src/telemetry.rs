//! Logs and metrics of the process.

use std::io::IsTerminal;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// How the process logs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Which lines are logged, as `level` or `target=level,...`. Default `info`.
    pub filter: String,
    /// `text` for a person, `json` for a collector. Default `text`.
    pub format: LogFormat,
}

impl Default for Config {
    fn default() -> Self {
        // The document parsers and the search index tell about every file they touch.
        // Making the tables is a matter of a first start and says nothing that anybody can act on.
        let filter = "info,tantivy=warn,sqlx=warn,sea_orm_migration=warn,pdf_oxide=error";
        Self { filter: filter.to_owned(), format: LogFormat::Text }
    }
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For a person at a terminal.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging to standard error.
///
/// # Errors
/// When the filter is not understood or logging was started before.
pub fn start_logs(config: &Config) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&config.filter)?;
    let registry = tracing_subscriber::registry().with(filter);
    match config.format {
        LogFormat::Text => {
            // Colours are for a terminal; in a file or a collector the escape codes are noise.
            let is_seen = std::io::stderr().is_terminal();
            let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
            registry.with(layer.with_ansi(is_seen)).try_init()?;
        }
        LogFormat::Json => {
            registry.with(tracing_subscriber::fmt::layer().json().with_writer(std::io::stderr)).try_init()?;
        }
    }
    Ok(())
}

/// Starts collecting metrics; the handle renders them for Prometheus.
///
/// # Errors
/// When metrics were started before.
pub fn start_metrics() -> anyhow::Result<PrometheusHandle> {
    Ok(PrometheusBuilder::new().install_recorder()?)
}
