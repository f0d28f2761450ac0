//! Why a file could not be read, in words for the person who uploaded it.

use serde::{Deserialize, Serialize};

use super::formats;

/// Why a file gave no text. The codes are shown in `last_error.code` of a vector store file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum ParseFailure {
    /// Nothing in it.
    #[error("the file is empty; upload it again")]
    EmptyFile,
    /// A password is needed.
    #[error("the PDF is protected by a password; save a copy without one and upload that")]
    PdfEncrypted,
    /// No reader can open it.
    #[error("the PDF is damaged and cannot be opened; open it in a viewer, print it to a new PDF and upload that")]
    PdfBroken,
    /// Not written as its format demands.
    #[error("the file is damaged at line {line}, column {column}: {reason}; correct it there and upload it again")]
    Malformed {
        /// 1 for the first.
        line: usize,
        /// In characters, 1 for the first.
        column: usize,
        /// What is wrong there.
        reason: String,
    },
    /// Opened, and no text came out.
    #[error(
        "no text was found: the pages are probably scanned pictures, and there is no text recognition yet; upload a PDF \
         with a text layer, or run text recognition on it first"
    )]
    NoText,
    /// Not a format that is read.
    #[error("this type of file cannot be read; upload {}", formats::in_words())]
    UnsupportedType,
    /// Stopped by the clock.
    #[error("reading took too long and was stopped; split the file into smaller ones")]
    ParseTimeout,
    /// Stopped by the memory limit, or died.
    #[error("reading needed more memory than allowed, or the reader crashed; split the file or save it anew")]
    ParseMemory,
    /// The kernel cannot keep a reader from everything else.
    #[error(
        "files are not read on this machine, because its kernel has no filter of system calls to keep the reader in; \
         the operator must use a kernel with seccomp"
    )]
    NoWalls,
    /// More bytes, pages or text than allowed.
    #[error("the file is larger than allowed; split it into smaller ones")]
    TooLarge,
}

impl ParseFailure {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::EmptyFile => "empty_file",
            Self::PdfEncrypted => "pdf_encrypted",
            Self::PdfBroken => "pdf_broken",
            Self::Malformed { .. } => "malformed",
            Self::NoText => "no_text",
            Self::UnsupportedType => "unsupported_type",
            Self::ParseTimeout => "parse_timeout",
            Self::ParseMemory => "parse_memory",
            Self::NoWalls => "no_walls",
            Self::TooLarge => "too_large",
        }
    }
}
