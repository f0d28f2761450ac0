//! OpenAI's Responses: the response object, its items, and the numbered events of its stream.

pub mod citation;
pub mod item;
pub mod phase;
pub mod project;
pub mod response;

#[cfg(test)]
mod tests;
