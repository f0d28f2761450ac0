//! For tests only: a whole platform in either topology, a scripted model, and transcripts to compare.

pub mod client;
pub mod model;
pub mod platform;
pub mod transcript;

pub use client::{Client, Reply};
pub use model::ScriptedModel;
pub use platform::{TestPlatform, Topology, start};
pub use transcript::Transcript;

use std::path::PathBuf;

/// The folder with the shared data for tests, if it is there. A test that needs it and does not find it says so aloud
/// and ends.
#[must_use]
pub fn shared() -> Option<PathBuf> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let folder = std::env::var_os("SEPTET_SHARED").map_or(beside, PathBuf::from);
    folder.is_dir().then_some(folder)
}

/// The root of the repository.
#[must_use]
pub fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}
