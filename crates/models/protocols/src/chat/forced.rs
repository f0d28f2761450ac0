//! Providers that cannot be told that the model must call a tool.
//!
//! They answer 400 to it, so the model is told that it may, and that the client wanted more is said in what is dropped.

use crate::dialect::Forcing;
use crate::reasoning::Reasoning;
use crate::request::ToolChoice;

/// What is said in place of what the client wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fit {
    /// It can be said.
    Same,
    /// The same in other words.
    Other(ToolChoice),
    /// There is no "none", but offering no tools has the same effect.
    NoTools,
    /// Only that it may.
    Auto,
}

/// What can be said to a model that `thinks`, of which `only` is the one function that is on offer.
pub(super) fn fit(choice: &ToolChoice, only: Option<&str>, thinks: bool, forcing: Forcing) -> Fit {
    let is_forced = matches!(choice, ToolChoice::Required | ToolChoice::Named(_));
    match (forcing, choice) {
        (Forcing::AutoOnly, ToolChoice::None) => Fit::NoTools,
        (Forcing::Any, _) => Fit::Same,
        (Forcing::Never | Forcing::AutoOnly, _) if is_forced => Fit::Auto,
        (Forcing::Unthinking | Forcing::Named, _) if is_forced && thinks => Fit::Auto,
        (Forcing::Named, ToolChoice::Required) => {
            only.map_or(Fit::Auto, |only| Fit::Other(ToolChoice::Named(only.to_owned())))
        }
        (Forcing::Never | Forcing::AutoOnly | Forcing::Unthinking | Forcing::Named, _) => Fit::Same,
    }
}

/// Whether the model thinks: as it is told, else as its name tells, else as the models of the kind do.
pub(super) fn thinks(said: Option<&Reasoning>, model: &str, forcing: Forcing) -> bool {
    if let Some(said) = said.filter(|said| said.is_off() || said.is_asked()) {
        return said.is_asked();
    }
    let is_named = ["thinking", "reasoner", "qwq", "-r1"].iter().any(|word| model.contains(word));
    // DeepSeek's models think unless they are told not to, except for the one that never does.
    is_named || forcing == Forcing::Unthinking && !model.contains("chat")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reasoning::Effort;

    #[test]
    fn what_cannot_be_said_becomes_the_next_thing_that_can() {
        let (must, named) = (ToolChoice::Required, ToolChoice::Named("look".to_owned()));
        for (forcing, thinks, any, one, no) in [
            (Forcing::Any, true, Fit::Same, Fit::Same, Fit::Same),
            (Forcing::Unthinking, true, Fit::Auto, Fit::Auto, Fit::Same),
            (Forcing::Unthinking, false, Fit::Same, Fit::Same, Fit::Same),
            (Forcing::Named, true, Fit::Auto, Fit::Auto, Fit::Same),
            (Forcing::Named, false, Fit::Auto, Fit::Same, Fit::Same),
            (Forcing::Never, false, Fit::Auto, Fit::Auto, Fit::Same),
            (Forcing::AutoOnly, false, Fit::Auto, Fit::Auto, Fit::NoTools),
        ] {
            assert_eq!(fit(&must, None, thinks, forcing), any, "{forcing:?}");
            assert_eq!(fit(&named, None, thinks, forcing), one, "{forcing:?}");
            assert_eq!(fit(&ToolChoice::None, None, thinks, forcing), no, "{forcing:?}");
            assert_eq!(fit(&ToolChoice::Auto, None, thinks, forcing), Fit::Same, "{forcing:?}");
        }
        // With only one function, naming it is the same as "any".
        assert_eq!(fit(&must, Some("look"), false, Forcing::Named), Fit::Other(named));
    }

    #[test]
    fn a_model_thinks_as_it_is_told_or_as_its_name_tells() {
        let off = Reasoning { effort: Some(Effort::None), ..Reasoning::default() };
        let on = Reasoning { is_on: true, ..Reasoning::default() };
        for (said, model, forcing, expected) in [
            (None, "deepseek-reasoner", Forcing::Unthinking, true),
            (None, "deepseek-v4-pro", Forcing::Unthinking, true),
            (None, "deepseek-chat", Forcing::Unthinking, false),
            (Some(&off), "deepseek-v4-pro", Forcing::Unthinking, false),
            (Some(&on), "deepseek-chat", Forcing::Unthinking, true),
            (None, "qwen-plus", Forcing::Named, false),
            (None, "qwen3-235b-a22b-thinking-2507", Forcing::Named, true),
        ] {
            assert_eq!(thinks(said, model, forcing), expected, "{model}");
        }
    }
}
