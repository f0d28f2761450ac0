//! The attempts to get out, and what counts as stopped. The file that includes this says how code is run:
//! one list for all drivers, in process and over HTTP.
//!
//! An attempt starts with `# expect: blocked|killed|contained | what it tries` and prints a line with `ESCAPED` when it
//! succeeds. More lines with a `#` say what else it needs: `# run-twice`, `# bare: escapes`.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// What must be in no environment, argument or file that an attempt can read. The runner has it in its environment,
/// under the name [`CANARY_VARIABLE`].
pub(crate) const CANARY: &str = "septet-canary-secret";
pub(crate) const CANARY_VARIABLE: &str = "SEPTET_CANARY";
/// Wall time of an attempt. Those that must be killed want to go on for 11 s at least.
pub(crate) const TIMEOUT_MS: u64 = 8000;
/// What attempts leave behind in time shows by then.
const SETTLE_TIME: Duration = Duration::from_secs(4);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    /// Comes to its own end without having got what it wanted.
    Blocked,
    /// Is ended by a limit.
    Killed,
    /// Ends somehow and harms nobody else.
    Contained,
}

/// A snippet that tries to get out.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) name: String,
    pub(crate) code: String,
    pub(crate) expected: Expected,
}

impl Attempt {
    fn read(path: &Path) -> Self {
        let code = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let expected = match code.split_whitespace().nth(2) {
            Some("blocked") => Expected::Blocked,
            Some("killed") => Expected::Killed,
            Some("contained") => Expected::Contained,
            other => panic!("{} does not say what to expect: {other:?}", path.display()),
        };
        Self { name: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(), code, expected }
    }

    pub(crate) fn says(&self, directive: &str) -> bool {
        self.code.lines().any(|line| line.strip_prefix("# ") == Some(directive))
    }

    /// Whether what it leaves behind is looked for later.
    fn acts_afterwards(&self) -> bool {
        self.code.lines().next().is_some_and(|line| line.contains("afterwards"))
    }
}

/// The attempts of this repository, and those of the shared data, when they are there; of them those whose names begin
/// with one of the words in `only`, between commas, when there is such a list.
pub(crate) fn attempts(only: Option<&str>) -> Vec<Attempt> {
    let own = septet_fixtures::repository().join("crates/services/sandbox-runner/tests/hostile");
    let mut paths = scripts(&own);
    assert!(!paths.is_empty(), "no attempts in {}", own.display());
    paths.extend(septet_fixtures::shared("probes/sandbox/hostile").iter().flat_map(|folder| scripts(folder)));
    let mut all: Vec<Attempt> = paths.iter().map(|path| Attempt::read(path)).collect();
    if let Some(only) = only {
        all.retain(|attempt| only.split(',').any(|begin| attempt.name.starts_with(begin)));
    }
    all.sort_by(|one, other| one.name.cmp(&other.name));
    all
}

fn scripts(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|kind| kind == "py")).collect()
}

/// What a run came to.
#[derive(Debug, Clone, Default)]
pub(crate) struct AttemptResult {
    /// `ok`, `error`, `timeout`, `out_of_memory` or `killed`.
    pub(crate) outcome: String,
    /// Everything that was said: output, error, result.
    pub(crate) told: String,
    /// Paths of the files that were collected.
    pub(crate) files: Vec<String>,
}

/// Where code runs.
pub(crate) trait Target {
    type Session;

    /// A session with one file in it, `canary.json`.
    async fn session(&self, canary: &str) -> Self::Session;

    async fn run(&self, session: &Self::Session, code: &str) -> AttemptResult;

    async fn leave(&self, session: Self::Session);
}

/// What is there to be found by code that gets out.
pub(crate) struct Canaries {
    listener: std::net::TcpListener,
    _abstract: UnixListener,
    sleeper: Child,
    name: String,
}

impl Canaries {
    pub(crate) fn plant() -> Self {
        let name = format!("septet-canary-{}", std::process::id());
        let at = SocketAddr::from_abstract_name(&name).and_then(|address| UnixListener::bind_addr(&address));
        let sleeper = Command::new("/bin/sleep").arg0("septet-canary-sleeper").arg("3600").spawn();
        Self {
            listener: std::net::TcpListener::bind("127.0.0.1:0").expect("a listener on loopback"),
            _abstract: at.expect("an abstract socket"),
            sleeper: sleeper.expect("a process that sleeps"),
            name,
        }
    }

    /// What an attempt is told about them.
    fn json(&self) -> String {
        let port = self.listener.local_addr().expect("a port").port();
        format!(r#"{{"port": {port}, "abstract": "{}", "sleeper": {}}}"#, self.name, self.sleeper.id())
    }
}

impl Drop for Canaries {
    fn drop(&mut self) {
        let _gone = self.sleeper.kill();
        let _reaped = self.sleeper.wait();
    }
}

/// Runs every attempt and fails with all that went wrong.
pub(crate) async fn none_gets_out<P: Target>(target: &P, attempts: &[Attempt]) {
    let canaries = Canaries::plant();
    let canary = canaries.json();
    let neighbour = target.session(&canary).await;
    let planted = target.run(&neighbour, &format!("open('canary.txt', 'w').write('{CANARY}')")).await;
    assert_eq!(planted.outcome, "ok", "{planted:?}");

    let mut wrong = Vec::new();
    let mut later = Vec::new();
    for attempt in attempts {
        let began = Instant::now();
        let session = target.session(&canary).await;
        let mut seen = target.run(&session, &attempt.code).await;
        if attempt.says("run-twice") {
            // What must not leak is looked for in another session; what is planted for its own session, in the same.
            let other = target.session(&canary).await;
            let again = if attempt.code.contains("another session") { &other } else { &session };
            let second = target.run(again, &attempt.code).await;
            seen.told.push_str(&second.told);
            target.leave(other).await;
        }
        eprintln!(
            "{:28} {:10} {:14} {:5.2}s {}",
            attempt.name,
            format!("{:?}", attempt.expected).to_lowercase(),
            seen.outcome,
            began.elapsed().as_secs_f64(),
            seen.told.lines().last().unwrap_or_default().chars().take(100).collect::<String>()
        );
        wrong.extend(judge(attempt, &seen));
        let health = target.run(&neighbour, "print(6 * 7, open('canary.txt').read())").await;
        if health.outcome != "ok" || health.told.trim() != format!("42 {CANARY}") {
            wrong.push(format!("{}: the runner or a neighbour is unwell afterwards: {health:?}", attempt.name));
        }
        if attempt.acts_afterwards() {
            later.push((attempt.name.clone(), session));
        } else {
            target.leave(session).await;
        }
    }

    tokio::time::sleep(SETTLE_TIME).await;
    for (name, session) in later {
        let left = target.run(&session, "import os; print(os.listdir('/session'))").await;
        if left.outcome != "ok" || left.told.contains("ESCAPED") {
            wrong.push(format!("{name}: something of it lived on: {left:?}"));
        }
        target.leave(session).await;
    }
    target.leave(neighbour).await;
    assert!(wrong.is_empty(), "{} of {} attempts:\n{}", wrong.len(), attempts.len(), wrong.join("\n"));
}

fn judge(attempt: &Attempt, seen: &AttemptResult) -> Option<String> {
    let survivor = seen.files.iter().find(|path| path.contains("ESCAPED") || path.contains("/core"));
    let is_killed = matches!(seen.outcome.as_str(), "timeout" | "out_of_memory" | "killed");
    let why = if seen.told.contains("ESCAPED") {
        "got out"
    } else if survivor.is_some() {
        "left a file that must not be collected"
    } else if seen.told.contains(CANARY) {
        "knows the secret"
    } else if attempt.expected == Expected::Killed && !is_killed {
        "was not killed"
    } else if attempt.expected == Expected::Blocked && is_killed {
        "did not come to its end, so nothing is known about it"
    } else {
        return None;
    };
    let told: String = seen.told.chars().take(400).collect();
    Some(format!("{} {why} ({}): {survivor:?} {told}", attempt.name, seen.outcome))
}
