//! The command line.

mod admin;
mod check;
mod completions;
mod demo;
mod doctor;
mod serve;
mod terminal;

pub use admin::AdminClient;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand};
use septet_kernel::ServiceName;

use crate::config::Config;

/// A self-hosted AI agent platform: seven services in one binary.
#[derive(Parser)]
#[command(name = "septet", version, about, disable_help_subcommand = false)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Args)]
struct Common {
    /// The settings file; `septet.toml` in the working folder when there is one.
    #[arg(long, global = true, env = "SEPTET_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// The data folder, instead of the one in the settings.
    #[arg(long, global = true, value_name = "FOLDER")]
    data: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Run all seven services in this process, with the console.
    Up {
        /// Where to listen, instead of the address in the settings.
        #[arg(long, value_name = "ADDRESS")]
        listen: Option<std::net::SocketAddr>,
    },
    /// Run some services in this process; the others are peers.
    Serve {
        /// api-gateway, model-gateway, agent-core, knowledge-engine, sandbox-runner, async-worker, management.
        #[arg(required = true, value_name = "SERVICE")]
        names: Vec<ServiceName>,
    },
    /// Show the platform at work: upload a report, ask about it, print the answer with its sources.
    Demo(demo::Options),
    /// Check the settings and print them, secrets masked.
    Check {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Say what works on this machine, what is missing, and how to get it.
    Doctor {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Manage users and keys without the console.
    Admin(admin::Options),
    /// Print a script that lets a shell complete commands and options.
    Completions {
        /// bash, zsh, fish, elvish or powershell.
        shell: clap_complete::Shell,
    },
    /// Print the OpenAPI description of the public surface.
    Openapi,
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    if args.next().as_deref() == Some("internal") {
        return internal(args);
    }
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return terminal::fail(&anyhow::Error::new(error).context("cannot start the async run-time")),
    };
    match runtime.block_on(run(cli)) {
        Ok(code) => code,
        Err(error) => terminal::fail(&error),
    }
}

/// The work that this binary does for itself in a child process: it has no settings and must not touch them.
fn internal(mut args: impl Iterator<Item = String>) -> ExitCode {
    match args.next().as_deref() {
        Some("parse") => septet_knowledge_engine::parse_main(args),
        Some("sandbox-warden") => septet_sandbox_runner::process::warden_main(),
        Some("sandbox-agent") => septet_sandbox_runner::agent_main(args, agent_token()),
        Some("sandbox-seccomp") => {
            terminal::line(&septet_sandbox_runner::seccomp_profile());
            ExitCode::SUCCESS
        }
        other => terminal::fail(&anyhow::anyhow!("there is no internal command {:?}", other.unwrap_or_default())),
    }
}

/// What an agent in a pod is told by its environment; one in a Docker container is told by a file.
#[expect(clippy::disallowed_methods, reason = "an agent has no settings file; this is read once, in the binary")]
fn agent_token() -> Option<String> {
    std::env::var("SEPTET_AGENT_TOKEN").ok()
}

async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    // These two say the same on every machine, whatever its settings.
    match cli.command {
        Command::Openapi => {
            terminal::line(&septet_api_gateway::openapi());
            return Ok(ExitCode::SUCCESS);
        }
        Command::Completions { shell } => return Ok(completions::run(Cli::command(), shell)),
        _ => {}
    }
    let mut config = Config::load(cli.common.config.as_deref())?;
    if let Some(data) = cli.common.data {
        config.data = data;
    }
    match cli.command {
        Command::Up { listen } => {
            config.listen.public = listen.unwrap_or(config.listen.public);
            serve::up(config.resolve()?).await
        }
        Command::Serve { names } => serve::serve(config.resolve()?, &names).await,
        Command::Demo(options) => demo::run(config, options).await,
        Command::Check { json } => check::run(&config.resolve()?, json),
        Command::Doctor { json } => doctor::run(&config.resolve()?, json).await,
        Command::Admin(options) => admin::run(config.resolve()?, options).await,
        Command::Openapi | Command::Completions { .. } => Ok(ExitCode::SUCCESS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_command_takes_two_options_of_one_name() {
        Cli::command().debug_assert();
    }
}
