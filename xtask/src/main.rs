//! Chores of the repository: `cargo run -p xtask -- <command>`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use clap::{Parser, Subcommand};

/// Chores of the repository.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Rewrite every golden file: the OpenAPI description, the settings reference, what is said of
    /// error codes, the snapshots of the tests.
    Golden,
    /// Rewrite docs/guide/errors.md and the console's words from the list of error codes.
    Codes,
    /// Rewrite docs/api/openapi.json from the handlers.
    Openapi,
    /// Rewrite docs/reference/settings.md from the settings of all services.
    Settings,
    /// Rewrite the price table from the community table in the litellm package.
    Prices {
        /// The version of the package.
        #[arg(long, default_value = "1.106.2")]
        version: String,
        /// A wheel of the package, or the JSON file from inside it; pip downloads it otherwise.
        #[arg(long)]
        from: Option<PathBuf>,
    },
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().chore {
        Chore::Golden => {
            settings()?;
            xtask::codes::write(&root())?;
            openapi()?;
            snapshots()
        }
        Chore::Codes => xtask::codes::write(&root()),
        Chore::Openapi => openapi(),
        Chore::Settings => settings(),
        Chore::Prices { version, from } => prices(&version, from.as_deref()),
    }
}

fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().expect("xtask lies in the workspace").to_owned()
}

fn cargo() -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(root());
    cargo
}

fn openapi() -> anyhow::Result<()> {
    let mut command = cargo();
    command.args(["run", "--locked", "--quiet", "-p", "septet", "--", "openapi"]);
    let output = command.stderr(Stdio::inherit()).output().context("cannot run cargo")?;
    ensure!(output.status.success(), "`septet openapi` failed");
    // Read and written anew, so that the file does not depend on how the binary indents.
    let document: serde_json::Value =
        serde_json::from_slice(&output.stdout).context("`septet openapi` printed no JSON")?;
    let mut text = serde_json::to_string_pretty(&document)?;
    text.push('\n');
    let folder = root().join("docs/api");
    std::fs::create_dir_all(&folder).context("cannot make docs/api")?;
    std::fs::write(folder.join("openapi.json"), text).context("cannot write docs/api/openapi.json")
}

#[expect(clippy::print_stdout, reason = "a command for people")]
fn prices(version: &str, from: Option<&Path>) -> anyhow::Result<()> {
    println!("{}", xtask::prices::write(&root(), version, from)?);
    Ok(())
}

fn settings() -> anyhow::Result<()> {
    let text = xtask::settings::render(&root())?;
    let file = root().join(xtask::settings::FILE);
    std::fs::create_dir_all(file.parent().unwrap_or(&file)).context("cannot make docs/reference")?;
    std::fs::write(file, text).context("cannot write the settings reference")
}

/// Runs the tests that compare with snapshots, and no others, and keeps what they see now.
fn snapshots() -> anyhow::Result<()> {
    let mut grep = Command::new("git");
    grep.current_dir(root()).args(["grep", "-l", "-E", "insta::assert_[a-z_]*snapshot", "--", "crates", "tests"]);
    let found = grep.output().context("cannot run git")?;
    ensure!(found.status.success(), "no test compares with a snapshot: is this a clone of the repository?");
    for file in String::from_utf8(found.stdout)?.lines() {
        let (package, module) = test_module(&root().join(file))?;
        let status = cargo()
            .args(["test", "--locked", "-p", &package, "--", &module])
            .env("INSTA_UPDATE", "always")
            .status()
            .context("cannot run cargo")?;
        ensure!(status.success(), "a test in {file} failed for another reason than its snapshot");
    }
    Ok(())
}

/// The package that a file belongs to, and words that the names of the tests in it begin with or hold.
fn test_module(file: &Path) -> anyhow::Result<(String, String)> {
    let folder = file.ancestors().skip(1).find(|folder| folder.join("Cargo.toml").is_file());
    let folder = folder.with_context(|| format!("{} belongs to no package", file.display()))?;
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml"))?;
    let name = manifest.lines().find_map(|line| line.strip_prefix("name = ")).context("a manifest has no name")?;
    let parts: Vec<String> = file.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    let mut parts = parts.iter().rev();
    let module = match parts.next() {
        Some(last) if last == "tests" || last == "mod" => parts.next(),
        last => last,
    };
    let module = module.context("a file has a name")?;
    Ok((name.trim_matches('"').to_owned(), format!("{module}::")))
}
