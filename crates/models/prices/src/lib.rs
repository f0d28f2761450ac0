//! What a call costs, to the nano-dollar, from a table of prices that is part of the binary.
//!
//! `data/prices.tsv` is made by `cargo run -p xtask -- prices` from the MIT-licensed community table in the `litellm`
//! package; its head names source, version and date. Prices are integers from the decimal text to the sum
//! ([`Price`]); the only rounding is at the end of a bill ([`PriceRow::cost`]). Operators and tenants lay their own rows,
//! whole or partial, over it ([`PriceRow::overlaid`]).
//!
//! It does no IO, asks no clock (so prices that change by the hour of the day are billed at the day's price) and
//! guesses no price: what a row does not price has no cost.

mod amount;
mod bill;
mod price;
mod row;
mod table;

pub use amount::nano;
pub use bill::Tokens;
pub use price::{Currency, NotAPrice, Price};
pub use row::{Abilities, Ability, Limits, Mode, Part, PriceRow, Rate, Service};
pub use table::{Malformed, Table};
