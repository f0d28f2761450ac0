//! For tests only: a whole platform in either topology, a scripted model, and transcripts to compare.

pub mod client;
pub mod model;
pub mod platform;
pub mod transcript;

pub use client::{Client, Reply};
pub use model::ScriptedModel;
pub use platform::{TestPlatform, Topology, start};
pub use transcript::Transcript;
