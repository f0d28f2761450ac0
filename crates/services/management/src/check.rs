//! What a field has to look like. Pure; each rule says what to write instead.

use std::collections::BTreeMap;

use garde::Validate;
use septet_contracts::management as wire;

use crate::Error;

const MIN_PASSWORD_CHARS: usize = 10;
// Argon2 takes any length, and an attacker pays nothing for a megabyte.
const MAX_PASSWORD_CHARS: usize = 256;

/// An address to sign in with. Deliberately loose: `admin@localhost` is one, and only a mail proves more.
pub(crate) fn email(text: &str) -> Result<(), String> {
    let Some((local, domain)) = text.split_once('@') else {
        return Err("write an address like name@example.com".to_owned());
    };
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, ',' | ';' | '<' | '>' | '"' | '\\');
    let is_label = |label: &str| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-');
    let fits = (1..=64).contains(&local.len()) && text.len() <= 254;
    if fits && !text.contains(is_odd) && !domain.contains('@') && domain.split('.').all(is_label) {
        Ok(())
    } else {
        Err("write an address like name@example.com".to_owned())
    }
}

/// An address as it is stored and compared.
pub(crate) fn normal_email(text: &str) -> String {
    text.trim().to_lowercase()
}

/// Text for people: something visible, nothing that breaks a line or hides.
pub(crate) fn name(text: &str, max_chars: usize) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err("must not be empty".to_owned());
    }
    label(text, max_chars)
}

/// As [`name`], but may be empty.
pub(crate) fn label(text: &str, max_chars: usize) -> Result<(), String> {
    if text.chars().count() > max_chars {
        return Err(format!("must be at most {max_chars} characters"));
    }
    if text.chars().any(|c| c.is_control() || is_direction_mark(c)) {
        return Err("must not contain control characters".to_owned());
    }
    Ok(())
}

/// Marks that turn text around, with which one name is made to look like another.
fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A password that somebody chose.
pub(crate) fn password(text: &str) -> Result<(), String> {
    let n_chars = text.chars().count();
    if n_chars < MIN_PASSWORD_CHARS {
        return Err(format!("must be at least {MIN_PASSWORD_CHARS} characters"));
    }
    if n_chars > MAX_PASSWORD_CHARS {
        return Err(format!("must be at most {MAX_PASSWORD_CHARS} characters"));
    }
    let first = text.chars().next();
    if text.chars().all(|c| Some(c) == first) {
        return Err("must not be one character over and over".to_owned());
    }
    Ok(())
}

/// The name of an agent: it is part of `agent:<name>` and of paths.
pub(crate) fn handle(text: &str) -> Result<(), String> {
    let is_handle = !text.is_empty()
        && text.len() <= 64
        && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'))
        && text.as_bytes()[0].is_ascii_alphanumeric();
    if is_handle {
        Ok(())
    } else {
        Err("must be 1 to 64 characters of a-z 0-9 - _ and begin with a letter or digit".to_owned())
    }
}

fn tools(tools: &[String]) -> Result<(), String> {
    for (index, tool) in tools.iter().enumerate() {
        if tools[..index].contains(tool) {
            return Err(format!("names {tool} twice"));
        }
    }
    Ok(())
}

/// Whether all of these tools are among those that there are.
pub(crate) fn known_tools(tools: &[String], known: &[String]) -> Result<(), String> {
    match tools.iter().find(|tool| !known.contains(tool)) {
        Some(tool) => Err(format!("there is no tool {:?}; there are {}", cut(tool), known.join(", "))),
        None => Ok(()),
    }
}

fn metadata(pairs: &BTreeMap<String, String>) -> Result<(), String> {
    if pairs.len() > 16 {
        return Err("must be at most 16 pairs".to_owned());
    }
    for (key, value) in pairs {
        if key.is_empty() || key.chars().count() > 64 {
            return Err(format!("the key {:?} must be 1 to 64 characters", cut(key)));
        }
        if value.chars().count() > 512 {
            return Err(format!("the value of {key:?} must be at most 512 characters"));
        }
    }
    Ok(())
}

fn cut(text: &str) -> String {
    text.chars().take(64).collect()
}

/// Makes a rule usable by garde, for a field that may be absent.
fn maybe<T>(check: impl Fn(&T) -> Result<(), String>) -> impl Fn(&Option<T>, &()) -> garde::Result {
    move |value, ()| value.as_ref().map_or(Ok(()), |value| check(value).map_err(garde::Error::new))
}

fn at_most(max_chars: usize) -> impl Fn(&str) -> Result<(), String> {
    move |text| label(text, max_chars)
}

fn named(max_chars: usize) -> impl Fn(&str) -> Result<(), String> {
    move |text| name(text, max_chars)
}

/// Prose may break lines.
fn prose(max_chars: usize) -> impl Fn(&str) -> Result<(), String> {
    move |text| {
        if text.chars().count() > max_chars {
            return Err(format!("must be at most {max_chars} characters"));
        }
        // PostgreSQL keeps every character but this one.
        if text.contains('\0') { Err("must not contain NUL characters".to_owned()) } else { Ok(()) }
    }
}

fn prompt_text(text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err("must not be empty".to_owned());
    }
    prose(100_000)(text)
}

/// Everything that a request may carry, under the names that it has there.
#[derive(Validate, Default)]
pub(crate) struct Fields<'a> {
    #[garde(custom(maybe(|text: &&str| self::email(text))))]
    pub(crate) email: Option<&'a str>,
    #[garde(custom(maybe(|text: &&str| self::password(text))))]
    pub(crate) password: Option<&'a str>,
    #[garde(inner(range(min = 1, max = 1_000_000)))]
    pub(crate) requests_per_minute: Option<u32>,
    #[garde(custom(maybe(|text: &&str| prose(2000)(text))))]
    pub(crate) description: Option<&'a str>,
    #[garde(custom(maybe(|text: &&str| prompt_text(text))))]
    pub(crate) text: Option<&'a str>,
    #[garde(custom(maybe(|text: &&str| prose(500)(text))))]
    pub(crate) note: Option<&'a str>,
    #[garde(custom(maybe(|text: &&str| at_most(200)(text))))]
    pub(crate) title: Option<&'a str>,
    #[garde(custom(maybe(|text: &&str| at_most(200)(text))))]
    pub(crate) model: Option<&'a str>,
    #[garde(custom(maybe(|list: &&[String]| self::tools(list))))]
    pub(crate) tools: Option<&'a [String]>,
    #[garde(inner(length(max = 64)))]
    pub(crate) knowledge_bases: Option<&'a [septet_kernel::VectorStoreId]>,
    #[garde(custom(maybe(|pairs: &&BTreeMap<String, String>| self::metadata(pairs))))]
    pub(crate) metadata: Option<&'a BTreeMap<String, String>>,
    #[garde(dive)]
    pub(crate) limits: Option<Limits>,
    /// Its rule depends on what it names.
    #[garde(custom(|name: &Name<'_>, _: &()| name.check().map_err(garde::Error::new)))]
    pub(crate) name: Name<'a>,
}

/// The bounds of what an agent may be allowed.
#[derive(Validate)]
pub(crate) struct Limits {
    #[garde(range(min = 1, max = 200))]
    max_steps: u32,
    #[garde(range(max = 1000))]
    max_tool_calls: u32,
    #[garde(range(min = 1, max = 86_400))]
    max_wall_s: u32,
}

impl From<wire::AgentLimits> for Limits {
    fn from(limits: wire::AgentLimits) -> Self {
        Self { max_steps: limits.max_steps, max_tool_calls: limits.max_tool_calls, max_wall_s: limits.max_wall_s }
    }
}

/// A name, by what it names.
#[derive(Default)]
pub(crate) enum Name<'a> {
    /// Not in this request.
    #[default]
    Absent,
    /// Of a tenant, key or prompt: at most so many characters, not empty.
    Named(&'a str, usize),
    /// Of a person or knowledge base: may be empty.
    Label(&'a str, usize),
    /// Of an agent.
    Handle(&'a str),
}

impl Name<'_> {
    fn check(&self) -> Result<(), String> {
        match self {
            Self::Absent => Ok(()),
            Self::Named(text, max_chars) => named(*max_chars)(text),
            Self::Label(text, max_chars) => at_most(*max_chars)(text),
            Self::Handle(text) => handle(text),
        }
    }
}

impl Fields<'_> {
    /// Passes when every field does.
    pub(crate) fn check(&self) -> Result<(), Error> {
        Ok(self.validate()?)
    }
}
