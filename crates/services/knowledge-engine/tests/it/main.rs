//! The knowledge engine through its typed client, over local transports, with stand-ins for its peers.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod access;
mod documents;
mod failing;
mod fixtures;
mod geometry;
mod harness;
mod ingest;
mod json;
mod pdf;
mod reader;
mod search;
mod stores;
mod upgrade;
mod walls;
