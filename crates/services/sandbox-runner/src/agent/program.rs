//! The agent as a program: the main process of a sandbox container.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt;
use septet_chassis::Lifecycle;
use septet_kernel::{Clock, Ids};
use tokio::net::{TcpListener, UnixListener};
use tokio::signal::unix::{SignalKind, signal};

use super::address::Address;
use super::listener::EgressListener;
use super::server::{Agent, routes};
use super::token::TokenDigest;
use crate::Config;
use crate::driver::{Driver, SessionSpec};
use crate::process;

/// How often the agent checks whether it has to end.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);

const USAGE: &str = "sandbox-agent --listen unix:PATH|tcp:ADDRESS [--token-file FILE | --token-sha256 HEX] \
                     [--lease-s SECONDS] [--file-bytes N] [--runtime FOLDER]";

struct Settings {
    listen: Address,
    token: TokenDigest,
    lease: Duration,
    config: Config,
}

/// Runs the agent. `token` is what the environment says; a file named by the arguments comes first, and
/// is removed where that is possible, before any code could read it.
///
/// Ends when it is told to, when nobody who knows the token has asked for anything during the lease, and when its
/// walls broke down. The reason for an end that is none of these is also left in the file `error` beside its socket.
#[must_use]
pub fn agent_main(args: impl Iterator<Item = String>, token: Option<String>) -> ExitCode {
    // Other processes of our user id must neither trace us nor read our memory or environment.
    if let Err(error) = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable) {
        eprintln!("sandbox agent: {error}");
        return ExitCode::FAILURE;
    }
    let settings = match settings(args, token) {
        Ok(settings) => settings,
        Err(why) => {
            eprintln!("sandbox agent: {why}\nusage: {USAGE}");
            return ExitCode::FAILURE;
        }
    };
    let folder = match &settings.listen {
        Address::Unix(path) => path.parent().map(Path::to_path_buf),
        Address::Tcp(_) => None,
    };
    // Few threads: they count towards what the code may start.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(4).build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(live(settings)),
        Err(error) => Err(error.to_string()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("sandbox agent: {why}");
            if let Some(folder) = folder {
                // The driver reads it there; when it cannot be written, the log has it.
                fs::write(folder.join("error"), why).ok();
            }
            ExitCode::FAILURE
        }
    }
}

fn settings(mut args: impl Iterator<Item = String>, token: Option<String>) -> Result<Settings, String> {
    let (mut listen, mut token, mut digest, mut lease) = (None, token, None, Duration::from_secs(120));
    let mut config = Config { runtime: PathBuf::from("/opt"), n_parked: 1, n_running: 1, ..Config::default() };
    // The limits of the container are not ours to set.
    config.cgroup_mount = PathBuf::new();
    while let Some(name) = args.next() {
        let value = args.next().ok_or_else(|| format!("{name} needs a value"))?;
        let number = || value.parse::<u64>().map_err(|_bad| format!("{value:?} is not a number"));
        match name.as_str() {
            "--listen" => listen = Some(value.parse::<Address>()?),
            "--token-file" => {
                let text = fs::read_to_string(&value).map_err(|error| format!("cannot read {value}: {error}"))?;
                fs::remove_file(&value).ok();
                token = Some(text);
            }
            "--token-sha256" => digest = Some(value.parse::<TokenDigest>()?),
            "--lease-s" => lease = Duration::from_secs(number()?),
            "--file-bytes" => config.file_bytes = number()?,
            "--runtime" => config.runtime = PathBuf::from(value),
            other => return Err(format!("there is no argument {other:?}")),
        }
    }
    let token = token.map(|token| token.trim().to_owned()).filter(|token| token.len() >= 16);
    Ok(Settings {
        listen: listen.ok_or("--listen is missing")?,
        token: digest
            .or_else(|| token.as_deref().map(TokenDigest::new))
            .ok_or("there is no token of at least 16 characters")?,
        lease,
        config,
    })
}

async fn live(settings: Settings) -> Result<(), String> {
    let lifecycle = Lifecycle::default();
    let outlet = Arc::default();
    let driver = process::Driver::plain(settings.config, lifecycle.clone(), Arc::clone(&outlet));
    let walls = driver.warm().await.map_err(|error| septet_kernel::causes(&error))?;
    let ids = Ids::new(Clock::system());
    let session = driver
        .open(SessionSpec { container: ids.next(), tenant: ids.next(), policy: None })
        .await
        .map_err(|error| septet_kernel::causes(&error))?;
    let egress = EgressListener::new(outlet, lifecycle.clone());
    let agent = Arc::new(Agent::new(session, walls, settings.token, egress));
    // Only now: who can reach the socket finds everything ready.
    serve(&settings.listen, Arc::clone(&agent), &lifecycle)
        .await
        .map_err(|error| format!("cannot listen on {}: {error}", settings.listen))?;
    let mut stop = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    loop {
        tokio::select! {
            _ = stop.recv() => break,
            () = tokio::time::sleep(CHECK_INTERVAL) => {}
        }
        if agent.is_lost() {
            return Err("the sandbox broke down".to_owned());
        }
        if agent.asked_at().elapsed() > settings.lease {
            break;
        }
    }
    // As process 1 of its container, this takes everything else along.
    driver.close().await;
    Ok(())
}

async fn serve(listen: &Address, agent: Arc<Agent>, lifecycle: &Lifecycle) -> io::Result<()> {
    let routes = routes(agent);
    match listen {
        Address::Unix(path) => {
            let listener = UnixListener::bind(path)?;
            // Whoever may enter the folder may ask; the token says who is answered.
            fs::set_permissions(path, fs::Permissions::from_mode(0o666))?;
            lifecycle.spawn("serve the agent", async move {
                axum::serve(listener, routes).await.ok();
            });
        }
        Address::Tcp(address) => {
            let listener = TcpListener::bind(address).await?;
            // Without it the end of an answer waits until its beginning was confirmed.
            let listener = listener.tap_io(|stream| {
                stream.set_nodelay(true).ok();
            });
            lifecycle.spawn("serve the agent", async move {
                axum::serve(listener, routes).await.ok();
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(args: &[&str], token: Option<&str>) -> Result<Settings, String> {
        settings(args.iter().map(|arg| (*arg).to_owned()), token.map(str::to_owned))
    }

    #[test]
    fn a_token_and_an_address_are_needed() {
        let long = Some("0123456789abcdef");
        assert!(said(&["--listen", "unix:/run/septet/agent.sock"], long).is_ok());
        for (args, token) in [
            (&["--listen", "unix:/a"][..], None),
            (&["--listen", "unix:/a"], Some("short")),
            (&[], long),
            (&["--listen"], long),
            (&["--listen", "tcp:nowhere"], long),
            (&["--listen", "unix:/a", "--lease-s", "soon"], long),
            (&["--listen", "unix:/a", "--what", "1"], long),
        ] {
            assert!(said(args, token).is_err(), "{args:?} {token:?}");
        }
    }

    #[test]
    fn the_digest_of_a_token_is_enough() {
        let digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"; // of "test"
        let settings = said(&["--listen", "tcp:0.0.0.0:1", "--token-sha256", digest], None).unwrap();
        assert!(settings.token.is_of(b"test") && !settings.token.is_of(digest.as_bytes()));
        assert!(said(&["--listen", "tcp:0.0.0.0:1", "--token-sha256", "test"], None).is_err());
    }

    #[test]
    fn a_token_file_is_gone_once_it_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        fs::write(&file, "0123456789abcdef\n").unwrap();
        assert!(said(&["--listen", "unix:/a", "--token-file", file.to_str().unwrap()], None).is_ok());
        assert!(!file.exists());
    }
}
