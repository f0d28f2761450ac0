//! The scripts, each with the part that all share in front of it.

use std::sync::OnceLock;

use ::redis::Script;

pub(super) struct Scripts {
    pub(super) reserve: Script,
    pub(super) settle: Script,
    pub(super) extend: Script,
    pub(super) look: Script,
    pub(super) correct: Script,
}

impl Scripts {
    pub(super) fn get() -> &'static Self {
        static SCRIPTS: OnceLock<Scripts> = OnceLock::new();
        SCRIPTS.get_or_init(|| {
            let script = |body: &str| Script::new(&format!("{}\n{body}", include_str!("shared.lua")));
            Self {
                reserve: script(include_str!("reserve.lua")),
                settle: script(include_str!("settle.lua")),
                extend: script(include_str!("extend.lua")),
                look: script(include_str!("look.lua")),
                correct: script(include_str!("correct.lua")),
            }
        })
    }
}
