//! The knowledge engine through its typed client, over local transports, with stand-ins for its peers.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod access;
mod documents;
mod fixtures;
mod harness;
mod ingest;
mod reader;
mod search;
mod stores;
