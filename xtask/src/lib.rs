//! Chores of the repository that its tests check too.

pub mod codes;
pub mod prices;
pub mod settings;
