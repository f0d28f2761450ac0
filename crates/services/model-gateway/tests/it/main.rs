//! Model-gateway through its own doors: the analyst over whole conversations, providers over scripted upstreams.

mod dialogue;
mod library;
mod reports;
