//! `septet up` and `septet serve`.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use septet_chassis::{http, telemetry};
use septet_kernel::ServiceName;
use septet_management::FirstStart;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

use super::terminal;
use crate::compose::{self, Listeners, Running};
use crate::config::Config;
use crate::data::{DataFolder, Use};

/// Runs all seven services until a signal.
pub(crate) async fn up(config: Config) -> anyhow::Result<ExitCode> {
    let _folder = begin(&config, &ServiceName::ALL, Use::Alone).await?.wait().await?;
    Ok(ExitCode::SUCCESS)
}

/// Runs the named services until a signal.
pub(crate) async fn serve(config: Config, names: &[ServiceName]) -> anyhow::Result<ExitCode> {
    let _folder = begin(&config, names, Use::Shared).await?.wait().await?;
    Ok(ExitCode::SUCCESS)
}

/// A platform that runs in the foreground, and its lock on the data folder.
struct Foreground {
    running: Running,
    folder: DataFolder,
}

async fn begin(config: &Config, names: &[ServiceName], how: Use) -> anyhow::Result<Foreground> {
    telemetry::start_logs(&config.log)?;
    http::install_tls();
    for (name, meant) in crate::config::unread_variables() {
        warn!(variable = name, meant, "this variable is not read; settings have two underscores");
    }
    let folder = DataFolder::open(&config.data, how)?;
    let secret = folder.internal_secret()?;
    let mut listeners = Listeners::default();
    if names.contains(&ServiceName::ApiGateway) {
        listeners.public = Some(listen(config.listen.public, "--listen, or listen.public in the settings").await?);
    }
    if how == Use::Shared {
        for name in names {
            let hint = format!("listen.internal.{name} in the settings");
            match listen(config.internal_address(*name), &hint).await {
                Ok(listener) => {
                    listeners.internal.insert(*name, listener);
                }
                // A second gateway of one machine: the first one keeps accounts for the peers of both.
                Err(error)
                    if *name == ServiceName::ApiGateway
                        && !config.listen.internal.contains_key(name)
                        && is_in_use(&error) =>
                {
                    warn!(error.detail = %error, "peers do not reach the accounts of this gateway");
                }
                Err(error) => return Err(error),
            }
        }
    }
    if let Some(address) = config.listen.metrics {
        serve_metrics(address).await?;
    }
    let running = compose::start(config, names, &secret, listeners).await?;
    if let Some(first) = &running.first_start {
        welcome(first, &folder)?;
    }
    if let Some(address) = running.public {
        info!(address = %address, "septet is ready");
        terminal::line(&format!("septet is ready: http://{address}"));
    } else {
        terminal::line("septet is ready");
    }
    Ok(Foreground { running, folder })
}

fn is_in_use(error: &anyhow::Error) -> bool {
    let cause = error.downcast_ref::<std::io::Error>();
    cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::AddrInUse)
}

/// Listens, or says who is in the way and how to change the address.
pub(crate) async fn listen(address: SocketAddr, setting: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address}; stop the program that uses this port, or choose another with {setting}")
    })
}

#[expect(clippy::disallowed_methods, reason = "it ends with the process, as the listener of the metrics does")]
async fn serve_metrics(address: SocketAddr) -> anyhow::Result<()> {
    let metrics = telemetry::start_metrics()?;
    let listener = listen(address, "listen.metrics in the settings").await?;
    let kept = metrics.clone();
    // Nobody may ever ask for the figures, and what is measured must not pile up until somebody does.
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(5)).await;
            kept.run_upkeep();
        }
    });
    let router = axum::Router::new().route("/metrics", axum::routing::get(move || async move { metrics.render() }));
    // It ends with the process: metrics are wanted to the last moment of a shutdown.
    http::serve(listener, router, &septet_chassis::Lifecycle::default())?;
    Ok(())
}

/// Shows the password of the first administrator, this once: to a person at a terminal, else in a file for this user
/// alone, since what is no terminal is most often a log that others keep and read.
pub(crate) fn welcome(first: &FirstStart, folder: &DataFolder) -> anyhow::Result<()> {
    use secrecy::ExposeSecret;
    terminal::heading("A new installation. Sign in with");
    terminal::line(&format!("  mail      {}", first.email));
    if std::io::stdout().is_terminal() {
        terminal::line(&format!("  password  {}", first.password.expose_secret()));
        terminal::line("This password is shown once and stored nowhere in clear.\n");
    } else {
        let path = folder.keep_first_password(&first.password).context("cannot keep the first password")?;
        terminal::line(&format!("  password  in the file {}", path.display()));
        terminal::line("Only this user can read the file; delete it once you have signed in.\n");
    }
    Ok(())
}

impl Foreground {
    /// Waits for SIGINT or SIGTERM, then shuts down. A second signal ends the process at once.
    async fn wait(self) -> anyhow::Result<DataFolder> {
        stop_signal().await?;
        info!("stopping");
        tokio::select! {
            () = self.running.stop() => {}
            again = stop_signal() => again?,
        }
        Ok(self.folder)
    }
}

async fn stop_signal() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for signals")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for signals")?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
