//! Where a provider of models is, and how it wants to be addressed.
//!
//! ```text
//!   ProviderKind ──► Facts      what every provider of this kind has in common: a table
//!   Endpoint            one provider: an address of this kind, checked and put into its usual form
//!     └─ prepare(ProviderRequest, Credentials, now) ──► Prepared { method, url, headers }
//!   Policy, Guard       which addresses may be called at all; no name is resolved to another one
//!   failure()           what an answer that is no success says
//! ```
//!
//! - Sends nothing: the model gateway has the client. The one thing here that does IO is [`Guard`], which resolves names.
//! - Takes no clock and reads no environment; both are given.
//! - Nothing here prints a key: not in `Debug`, not in errors, not in spans of libraries below.

mod address;
mod call;
mod credentials;
mod endpoint;
mod error;
mod facts;
mod failure;
mod guard;
mod headers;
mod kind;
mod listing;
mod path;
mod sign;

pub use call::{Operation, Options, Prepared, ProviderRequest, framing};
pub use credentials::Credentials;
pub use endpoint::Endpoint;
pub use error::Error;
pub use facts::Facts;
pub use failure::{failure, is_loading, is_too_long};
pub use guard::{Guard, Policy, Refused};
pub use kind::{ProviderKind, UnknownKind};
pub use listing::models_in;
