//! What can go wrong with a local model.

use std::io;
use std::path::PathBuf;

use septet_kernel::{BoxError, Failure, Kind};

/// A model could not be loaded, or a text not be embedded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the model cannot be read.
    #[error("cannot read {}; a model is a folder with config.json, tokenizer.json and model.safetensors", file.display())]
    Read {
        /// Which file.
        file: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A file of the model does not hold what it should, or something that this module cannot compute.
    #[error("{}: {problem}", file.display())]
    File {
        /// Which file.
        file: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Vectors of another size were asked for.
    #[error("this model gives vectors of {has} numbers; it was not trained to be shortened to {asked}")]
    Dimensions {
        /// How many were asked for.
        asked: usize,
        /// How many there are.
        has: usize,
    },
    /// A text cannot be cut into tokens.
    #[error("the text cannot be cut into tokens")]
    Tokens(#[source] BoxError),
    /// A text has no vector: the tokenizer gives no token for it or one that the model does not have, or the weights
    /// are damaged.
    #[error("no vector comes out for text {idx}; do tokenizer.json and model.safetensors belong together?")]
    Unembeddable {
        /// Which one, from 0.
        idx: usize,
    },
}

impl Failure for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::Dimensions { .. } => Kind::BadRequest,
            Self::Tokens(_) | Self::Unembeddable { .. } => Kind::Unprocessable,
            Self::Read { .. } | Self::File { .. } => Kind::Internal,
        }
    }

    fn param(&self) -> Option<&str> {
        matches!(self, Self::Dimensions { .. }).then_some("dimensions")
    }
}
