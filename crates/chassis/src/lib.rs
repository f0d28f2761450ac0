//! What every service is built on: transports to its peers, HTTP layers, identity between services, settings,
//! telemetry, lifecycle and the pool for CPU work.
//!
//! ```text
//!   typed client (contracts)                                       handler
//!        │ Request + Caller                                           ▲ Caller
//!        ▼                                                            │
//!   outgoing: sign identity · deadline · request id      incoming: catch panic · limits · deadline · verify identity
//!        │                                                            ▲
//!        └── Directory ── together: the other Router, in process ─────┤
//!                     └── apart:    pooled HTTP client ── listener ───┘
//! ```
//!
//! The chassis knows no service and no store.

pub mod config;
pub mod cpu;
mod directory;
pub mod http;
mod identity;
mod lifecycle;
mod platform;
mod secret;
pub mod service_keys;
mod shares;
pub mod telemetry;

pub use directory::Directory;
pub use identity::{DEADLINE_HEADER, IDENTITY_HEADER, REQUEST_ID_HEADER, Signer};
pub use lifecycle::Lifecycle;
pub use platform::{Platform, Ready, Service};
pub use secret::Secret;
pub use shares::{Place, Shares};
