//! Runs in the shapes of the wire. Pure: what is shown follows from the journal alone.

pub mod responses;
