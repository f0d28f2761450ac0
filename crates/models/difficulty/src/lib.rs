//! Says how likely a prompt needs the strong model of a route, in microseconds on one core.
//!
//! A [`Scorer`] reads a prompt once ([`features`]), adds up three small models (a linear one over figures of its form, a
//! hashed table of its words and word pairs, a few hundred decision trees) and turns the sum into a probability; free text
//! is read again for what a math word problem in English shows ([`word_problems`]), which has three models more. The weights lie in this crate
//! (`data/weights.bin`) and were trained by `bench/routing/train.py`, whose README says on what, how well it does on
//! prompts that it never saw, and what that does not prove. A [`Threshold`] turns the probability into a choice; a
//! [`Calibration`] learned from a tenant's own outcomes sets both right for their prompts.
//!
//! It reads one text, the last message of the user as a rule; it knows no conversation and no model. It does no IO and
//! cannot fail. It allocates nothing while it reads.

mod calibration;
mod cues;
pub mod features;
mod hash;
mod probability;
mod scorer;
mod weights;
pub mod word_problems;

pub use calibration::{Calibration, Outcome, Threshold, TooFew};
pub use probability::Probability;
pub use scorer::Scorer;
pub use weights::Malformed;
