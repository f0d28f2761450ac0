//! A run: its journal, how it stands, what comes next, and how it is shown. All of it pure.
//!
//! ```text
//!   journal: Event, Event, Event ...      append only, the one source
//!        │ fold                  │ project
//!        ▼                       ▼
//!      State ── decide ──▶ Command      wire events, numbered
//! ```

pub mod citation;
pub mod decide;
pub mod event;
pub mod item;
pub mod limits;
pub mod project;
pub mod response;
pub mod state;

#[cfg(test)]
mod tests;
