//! Why a provider cannot be addressed.

use crate::kind::ProviderKind;

/// A provider cannot be addressed as wished. Names settings, never shows a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It has no address of its own.
    #[error("a provider of kind {0} needs a base_url")]
    NoAddress(ProviderKind),
    /// The address is none.
    #[error("base_url {what}")]
    Address {
        /// What is wrong with it, such as "must begin with http:// or https://".
        what: &'static str,
    },
    /// An option that it needs is missing or wrong.
    #[error("{option} {what}")]
    Option {
        /// Its name in settings.
        option: &'static str,
        /// What is wrong.
        what: &'static str,
    },
    /// It does not do this.
    #[error("a provider of kind {kind} offers no {what}")]
    NotOffered {
        /// The kind.
        kind: ProviderKind,
        /// "embeddings", "reranking", "list of models", or a dialect.
        what: &'static str,
    },
    /// A model's name that no address can hold.
    #[error("{0:?} is no name of a model")]
    Model(String),
    /// The key is of another sort than the provider takes.
    #[error("a provider of kind {kind} wants {what}")]
    Credentials {
        /// The kind.
        kind: ProviderKind,
        /// What it wants.
        what: &'static str,
    },
    /// The key cannot be sent, or nothing can be signed with it.
    #[error("the key of the provider of kind {0} holds characters that no key has")]
    Key(ProviderKind),
}
