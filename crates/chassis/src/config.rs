//! Settings: defaults, then `septet.toml`, then `SEPTET__SECTION__KEY` variables.
//!
//! An unknown key is an error that names the nearest known one: a setting that is silently ignored is worse than
//! none.

use std::path::Path;

use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file that was asked for is not there.
    #[error("there is no settings file {0}")]
    NoFile(String),
    /// A key or a value is wrong.
    #[error("{0}")]
    Wrong(String),
}

/// Reads settings of type `T`. Without a `file`, only defaults and the environment count.
///
/// # Errors
/// When the file is missing or not TOML, a key is unknown or a value does not fit; the sentence says which, where it
/// came from, and what was probably meant.
pub fn load<T: Serialize + DeserializeOwned + Default>(file: Option<&Path>) -> Result<T, ConfigError> {
    let mut figment = Figment::from(Serialized::defaults(T::default()));
    if let Some(path) = file {
        if !path.is_file() {
            return Err(ConfigError::NoFile(path.display().to_string()));
        }
        figment = figment.merge(Toml::file_exact(path));
    }
    figment.merge(Env::prefixed("SEPTET__").split("__")).extract().map_err(|error| ConfigError::Wrong(sentence(error)))
}

fn sentence(error: figment::Error) -> String {
    error.into_iter().map(|one| one_sentence(&one)).collect::<Vec<_>>().join("; ")
}

fn one_sentence(error: &figment::Error) -> String {
    let place = match &error.metadata {
        Some(metadata) if metadata.name.contains("environment") => {
            format!("environment variable SEPTET__{}", error.path.join("__").to_uppercase())
        }
        Some(metadata) => match &metadata.source {
            Some(source) => source.to_string(),
            None => metadata.name.to_string(),
        },
        None => "settings".to_owned(),
    };
    match &error.kind {
        figment::error::Kind::UnknownField(field, known) => {
            let mut path = error.path.clone();
            if path.last() != Some(field) {
                path.push(field.clone());
            }
            let full = path.join(".");
            match nearest(field, known) {
                Some(known) => format!("{place}: unknown setting \"{full}\"; did you mean \"{known}\"?"),
                None => format!("{place}: unknown setting \"{full}\"; known here are {}", known.join(", ")),
            }
        }
        kind => format!("{place}: setting \"{}\": {kind}", error.path.join(".")),
    }
}

/// The known word that a misspelt one most likely meant.
#[must_use]
pub fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|candidate| (strsim::normalized_damerau_levenshtein(word, candidate), *candidate))
        .filter(|(likeness, _)| *likeness >= 0.5)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, candidate)| candidate)
}
