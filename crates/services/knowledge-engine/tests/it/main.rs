//! The knowledge engine through its typed client, over local transports, with stand-ins for its peers.

mod documents;
mod fixtures;
mod harness;
mod ingest;
mod reader;
mod search;
mod stores;
