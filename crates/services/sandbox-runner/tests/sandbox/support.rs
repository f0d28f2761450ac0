//! A sandbox runner in this process, and shorthand for what tests say to it.

use std::path::PathBuf;
use std::time::Duration;

use septet_blobs::Blobs;
use septet_chassis::Platform;
use septet_contracts::call::CallError;
use septet_contracts::sandbox::{
    ContainerFile, Language, NewContainer, NewExecution, NewFile, Outcome, Output, Sandbox,
};
use septet_database::Database;
use septet_kernel::{Caller, Clock, ContainerId, Ids, ServiceName};
use septet_sandbox_runner::Config;
use tempfile::TempDir;

use crate::own_process::{self, variable};

pub(crate) struct Harness {
    pub(crate) platform: Platform,
    pub(crate) client: Sandbox,
    pub(crate) caller: Caller,
    pub(crate) blobs: Blobs,
    pub(crate) folder: TempDir,
}

pub(crate) fn config() -> Config {
    // Tests are told where the run-time is as everybody else is.
    let runtime = variable("SEPTET_RUNTIME").map(PathBuf::from).unwrap_or_default();
    let warden = variable(own_process::WARDEN).unwrap_or_else(|| env!("CARGO_BIN_EXE_sandbox-warden").to_owned());
    let config = Config { runtime, warden: vec![warden], timeout_ms: 20_000, ..Config::default() };
    assert!(
        config.runtime().join("stamp").is_file(),
        "the sandbox's Python run-time is not at {}: run `make runtime` (runtime/provision.sh), or say where it is in SEPTET_RUNTIME",
        config.runtime().display()
    );
    config
}

pub(crate) async fn harness() -> Harness {
    harness_with(config()).await
}

pub(crate) async fn harness_with(config: Config) -> Harness {
    harness_in(tempfile::tempdir().unwrap(), config, None).await
}

pub(crate) async fn harness_at(clock: Clock) -> Harness {
    open(tempfile::tempdir().unwrap(), config(), None, clock).await
}

/// A harness on the data of an earlier one.
pub(crate) async fn harness_in(folder: TempDir, config: Config, caller: Option<Caller>) -> Harness {
    open(folder, config, caller, Clock::system()).await
}

async fn open(folder: TempDir, config: Config, caller: Option<Caller>, clock: Clock) -> Harness {
    let platform = Platform::new(&"test secret".into(), clock);
    let database = Database::open(&Database::sqlite_uri(&folder.path().join("septet.db"))).await.unwrap();
    let blobs = Blobs::open(&Blobs::file_uri(&folder.path().join("blobs"))).unwrap();
    let service = septet_sandbox_runner::open(config, &platform, database, blobs.clone()).await.unwrap();
    let router = service.into_router(&platform);
    platform.directory.plug_local(ServiceName::SandboxRunner, router);
    let client = Sandbox::new(platform.directory.transport(ServiceName::SandboxRunner));
    let caller = caller.unwrap_or_else(|| other_caller(&platform.ids));
    Harness { platform, client, caller, blobs, folder }
}

/// Somebody of a tenant of their own.
pub(crate) fn other_caller(ids: &Ids) -> Caller {
    Caller::background(ids.next(), ids.next())
}

pub(crate) fn python(code: &str) -> NewExecution {
    NewExecution { language: Language::Python, code: code.to_owned(), ..NewExecution::default() }
}

pub(crate) fn sql(code: &str) -> NewExecution {
    NewExecution { language: Language::Sql, code: code.to_owned(), ..NewExecution::default() }
}

impl Harness {
    pub(crate) async fn container(&self) -> ContainerId {
        self.client.create(&self.caller, &NewContainer::default()).await.unwrap().id
    }

    /// Runs in a container of its own.
    pub(crate) async fn run(&self, new: NewExecution) -> Output {
        self.run_in(self.container().await, new).await
    }

    pub(crate) async fn run_in(&self, container: ContainerId, new: NewExecution) -> Output {
        self.client.run(&self.caller, container, &new, None).await.unwrap()
    }

    pub(crate) async fn upload(
        &self,
        container: ContainerId,
        path: &str,
        bytes: &str,
    ) -> Result<ContainerFile, CallError> {
        let blob = self.blobs.put(bytes.to_owned()).await.unwrap().id;
        self.client.add_file(&self.caller, container, &NewFile { blob, path: path.to_owned() }).await
    }

    pub(crate) async fn bytes(&self, file: &ContainerFile) -> Vec<u8> {
        self.blobs.read(&file.septet.blob).await.unwrap().to_vec()
    }

    /// Shuts everything down and gives the data back.
    pub(crate) async fn close(self) -> (TempDir, Caller) {
        self.platform.lifecycle.finish(Duration::from_secs(20)).await;
        (self.folder, self.caller)
    }
}

/// Standard output of code that came to its end; anything else fails the test with all that is known.
#[track_caller]
pub(crate) fn ok(output: &Output) -> &str {
    assert_eq!(output.outcome(), Some(Outcome::Ok), "{output:?}");
    &output.stdout
}

pub(crate) fn names(output: &Output) -> Vec<&str> {
    output.files.iter().map(|file| file.path.as_str()).collect()
}
