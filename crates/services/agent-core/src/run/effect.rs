//! What a tool does outside of its run, and what follows from that after a crash.

use serde::{Deserialize, Serialize};

/// What a call changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Nothing.
    Pure,
    /// Something that happens once under an idempotency key, however often it is asked for. When whoever does it breaks
    /// off in the middle, nothing of it lasts.
    Keyed,
    /// Something that may happen twice; whether it has happened can be asked.
    Verifiable,
    /// Something that may happen twice, and nobody can tell whether it has.
    Once,
}

/// What to do with a call that was begun by an owner who is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// Make it again, under the same key; under a new one when the first was broken off in the middle.
    Again,
    /// Ask what came of it, and make it again when it has not happened.
    AskThenAgain,
    /// Ask what came of it, and tell the model when nobody knows. It is not made again.
    AskThenTell,
}

impl Effect {
    /// What follows after a crash.
    #[must_use]
    pub fn recovery(self) -> Recovery {
        match self {
            Self::Pure | Self::Keyed => Recovery::Again,
            Self::Verifiable => Recovery::AskThenAgain,
            Self::Once => Recovery::AskThenTell,
        }
    }

    /// Whether a call runs alone. An output waits for those of the calls before it, and one that cannot be had again must
    /// not be lost while it waits.
    #[must_use]
    pub fn runs_alone(self) -> bool {
        matches!(self, Self::Verifiable | Self::Once)
    }
}
