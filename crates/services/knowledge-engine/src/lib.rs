//! Knowledge engine.
pub mod chunk;
pub mod document;
pub mod layout;
pub mod parse;
pub mod structure;
pub mod text;
pub use parse::parse_main;
