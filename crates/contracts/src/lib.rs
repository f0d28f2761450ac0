//! What the services say to each other: one module per service, with the types on the wire and a typed client.
//!
//! The wire is HTTP with JSON, in the shapes of the OpenAI API wherever that has one. Contracts only grow: a new field
//! is optional, and a reader ignores what it does not know. This crate knows no store and no service.

pub mod agents;
pub mod blobs;
pub mod call;
pub mod gateway;
pub mod jobs;
pub mod knowledge;
pub mod management;
pub mod models;
pub mod ndjson;
pub mod page;
pub mod responses;
pub mod sandbox;
pub mod sse;
