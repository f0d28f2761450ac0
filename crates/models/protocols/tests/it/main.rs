//! Recorded answers of providers, read by our decoders, written by our encoders, and compared by hand.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its recordings may stop")]

mod anything;
mod classify;
mod compare;
mod cuts;
mod drive;
mod events;
mod fold;
mod fold_google;
mod fold_items;
mod form;
mod hostile;
mod recordings;
mod replay;
mod requests;
mod said;
mod said_items;
mod vectors;
