//! Which effort values a model understands, by its name.
//!
//! Most providers refuse a value that the model does not have, so the next higher one is sent, or the highest. For
//! names that do not show the model, such as those of Azure's deployments, the value is sent as it is.

use crate::reasoning::Effort::{self, Extreme, High, Low, Medium, Minimal, None as Off};

/// The one of `scale`, which goes up, that says the most like it.
fn nearest(effort: Effort, scale: &[Effort]) -> Option<Effort> {
    scale.iter().find(|word| **word >= effort).or(scale.last()).copied()
}

/// The name without who makes or routes it.
fn bare(model: &str) -> &str {
    model.rsplit('/').next().unwrap_or(model)
}

/// The number behind `prefix`: `5.2` of `gpt-5.2-pro` is 2, `5` is 0.
fn minor(name: &str, prefix: &str) -> Option<u32> {
    let rest = name.strip_prefix(prefix)?;
    let Some(rest) = rest.strip_prefix('.') else {
        return (!rest.starts_with(|c: char| c.is_ascii_digit())).then_some(0);
    };
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// What gpt-oss and most open models know.
pub(super) fn graded(effort: Effort) -> Effort {
    nearest(effort, &[Low, Medium, High]).unwrap_or(Medium)
}

/// OpenAI's; `None` for models that do not think, or never otherwise than they do.
pub(crate) fn openai(effort: Effort, model: &str) -> Option<&'static str> {
    let name = bare(model);
    let has = |word: &str| name.contains(word);
    let scale: &[Effort] = match minor(name, "gpt-5") {
        _ if name.starts_with("gpt-3") || name.starts_with("gpt-4") || has("chat") => return None,
        Some(0) if has("pro") => &[High],
        Some(_) if has("pro") => &[Medium, High, Extreme],
        Some(n) if has("codex") && (n > 1 || has("max")) => &[Low, Medium, High, Extreme],
        Some(_) if has("codex") => &[Low, Medium, High],
        Some(0) => &[Minimal, Low, Medium, High],
        Some(1) => &[Off, Low, Medium, High],
        Some(_) => &[Off, Low, Medium, High, Extreme],
        None if has("gpt-oss") || ["o1", "o3", "o4"].iter().any(|series| name.starts_with(series)) => {
            &[Low, Medium, High]
        }
        // Cerebras has these.
        None if ["zai-", "glm-", "qwen"].iter().any(|maker| name.starts_with(maker)) => &[Off, Low, Medium, High],
        None => return Some(effort.as_str()),
    };
    nearest(effort, scale).map(Effort::as_str)
}

/// xAI's; `None` for models without a word for it.
pub(super) fn xai(effort: Effort, model: &str) -> Option<&'static str> {
    let name = bare(model);
    let starts = |names: &[&str]| names.iter().any(|prefix| name.starts_with(prefix));
    let scale: &[Effort] = if starts(&["grok-2", "grok-code", "grok-build-0"]) {
        return None;
    } else if starts(&["grok-3-mini"]) {
        &[Low, High]
    } else if starts(&["grok-4.5", "grok-build"]) {
        &[Low, Medium, High]
    } else {
        &[Off, Low, Medium, High]
    };
    nearest(effort, scale).map(Effort::as_str)
}

/// Mistral's: all or nothing, and nothing to say to models that always think.
pub(super) fn mistral(effort: Effort, model: &str) -> Option<&'static str> {
    if bare(model).starts_with("magistral") {
        return None;
    }
    nearest(effort, &[Off, High]).map(Effort::as_str)
}

/// Groq's.
pub(super) fn groq(effort: Effort, model: &str) -> Option<&'static str> {
    match effort {
        _ if model.contains("gpt-oss") => Some(graded(effort).as_str()),
        Off if model.contains("qwen3") => Some("none"),
        _ if model.contains("qwen3") => Some("default"),
        _ => None,
    }
}

/// Those of providers that switch thinking on and off with another word, where their models have any: DeepSeek's, which
/// all of its models take, GLM's from 5.2 on, Kimi's from K2.5 on.
pub(super) fn switched(effort: Effort, model: &str) -> Option<&'static str> {
    let name = bare(model);
    let knows_max = name.starts_with("deepseek") || minor(name, "glm-5").is_some_and(|n| n >= 2);
    let is_kimi = ["kimi-k2.", "kimi-k3", "kimi-k2-thinking"].iter().any(|prefix| name.starts_with(prefix));
    match nearest(effort, &[Low, High, Extreme])? {
        Extreme if knows_max => Some("max"),
        word if knows_max => Some(word.as_str()),
        word if is_kimi => Some(word.min(High).as_str()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_told_the_nearest_word_that_it_knows() {
        for (model, off, low, most) in [
            ("o3-mini", Some("low"), Some("low"), Some("high")),
            ("gpt-5-mini", Some("minimal"), Some("low"), Some("high")),
            ("gpt-5-pro", Some("high"), Some("high"), Some("high")),
            ("gpt-5.1-2025-11-13", Some("none"), Some("low"), Some("high")),
            ("openai/gpt-5.4", Some("none"), Some("low"), Some("xhigh")),
            ("gpt-5.2-pro", Some("medium"), Some("medium"), Some("xhigh")),
            ("gpt-5.1-codex-max", Some("low"), Some("low"), Some("xhigh")),
            ("gpt-5-codex", Some("low"), Some("low"), Some("high")),
            ("gpt-4.1", None, None, None),
            ("gpt-5.3-chat-latest", None, None, None),
            ("gpt-oss-120b", Some("low"), Some("low"), Some("high")),
            ("zai-glm-4.7", Some("none"), Some("low"), Some("high")),
            ("my-deployment", Some("none"), Some("low"), Some("xhigh")),
        ] {
            assert_eq!((openai(Off, model), openai(Low, model), openai(Extreme, model)), (off, low, most), "{model}");
        }
        assert_eq!(
            (xai(Off, "grok-3-mini"), xai(Off, "grok-4.3"), xai(Off, "grok-code-fast-1")),
            (Some("low"), Some("none"), None)
        );
        assert_eq!((xai(Off, "grok-4.5"), xai(Extreme, "grok-4.3")), (Some("low"), Some("high")));
        assert_eq!((mistral(Low, "mistral-small-latest"), mistral(Off, "magistral-medium-2509")), (Some("high"), None));
        assert_eq!((groq(Off, "qwen/qwen3-32b"), groq(High, "qwen/qwen3-32b")), (Some("none"), Some("default")));
        assert_eq!((groq(Off, "openai/gpt-oss-20b"), groq(High, "llama-3.3-70b")), (Some("low"), None));
        assert_eq!(
            (switched(Extreme, "deepseek-v4-pro"), switched(Medium, "deepseek-v4-pro")),
            (Some("max"), Some("high"))
        );
        assert_eq!((switched(Extreme, "kimi-k2.6"), switched(Low, "glm-4.6")), (Some("high"), None));
        assert_eq!((switched(Minimal, "glm-5.3"), switched(High, "glm-5")), (Some("low"), None));
    }
}
