//! The analyst over whole conversations, with every tool played by the test.

mod dialogue;
mod library;
mod reports;
