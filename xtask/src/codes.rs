//! What is written from the list of error codes: the page of the documentation, and the words of the console.

use std::fmt::Write;
use std::path::Path;

use anyhow::Context;
use septet_codes::{AREAS, Code, Words, all};

/// The page of the documentation.
const PAGE: &str = "docs/guide/errors.md";

/// The folder of the console's words.
const WORDS: &str = "web/src/i18n/generated";

/// Each file that is written from the list, by its path from the root, with its text.
#[must_use]
pub fn files() -> Vec<(String, String)> {
    let chinese = |code: &Code| joined(code.chinese, "");
    vec![
        (PAGE.to_owned(), page()),
        (format!("{WORDS}/codes.ts"), names()),
        (format!("{WORDS}/codes.en.ts"), dictionary("en", |code| joined(code.english, " "))),
        (format!("{WORDS}/codes.zh.ts"), dictionary("zh", chinese)),
    ]
}

/// Writes them.
///
/// # Errors
/// When a file cannot be written.
pub fn write(root: &Path) -> anyhow::Result<()> {
    for (path, text) in files() {
        let file = root.join(&path);
        std::fs::create_dir_all(file.parent().unwrap_or(&file)).with_context(|| format!("no folder for {path}"))?;
        std::fs::write(&file, text).with_context(|| format!("cannot write {path}"))?;
    }
    Ok(())
}

fn page() -> String {
    let mut text = String::from(HEAD);
    for area in AREAS {
        let _ = writeln!(text, "\n## {}\n", area.title);
        if !area.note.is_empty() {
            let _ = writeln!(text, "{}\n", area.note);
        }
        text.push_str("| code | status | it means | what to do |\n|---|---|---|---|\n");
        for code in area.codes {
            let statuses: Vec<String> = code.statuses.iter().map(u16::to_string).collect();
            let words = [code.english.means, code.english.remedy].map(|sentence| sentence.replace("{wait}", WAIT));
            let _ = writeln!(text, "| `{}` | {} | {} | {} |", code.name, statuses.join(", "), words[0], words[1]);
        }
    }
    text.push_str(TAIL);
    text
}

fn names() -> String {
    let mut text = format!("{BY}\n/** Every code that the server says. */\nexport type Code =\n");
    for code in all() {
        let _ = writeln!(text, "  | '{}'", code.name);
    }
    text
}

fn dictionary(language: &str, words: impl Fn(&Code) -> String) -> String {
    let mut text =
        format!("{BY}\nimport type {{ Code }} from './codes'\n\nexport const {language}: Record<Code, string> = {{\n");
    for code in all() {
        // The console shows sentences, not Markdown.
        let sentence = words(code).replace('`', "").replace('\\', "\\\\").replace('\'', "\\'");
        let _ = writeln!(text, "  {}: '{sentence}',", code.name);
    }
    text.push_str("}\n");
    text
}

fn joined(words: Words, space: &str) -> String {
    [words.means, words.remedy].join(space)
}

const BY: &str = "// Written by `make golden` from crates/codes; change it there.\n";

const WAIT: &str = "as long as `Retry-After` says";

const HEAD: &str = "\
# Errors and what to do

Written by `make golden` from the list in `crates/codes`; a new code is a line there, and its opening words say how.

Every error has a `code` for programs and a sentence that says what to do. `/v1` answers in OpenAI's shape
(`{\"error\": {\"message\", \"type\", \"code\", \"param\", \"request_id\"}}`), `/api` in RFC 9457's (`{\"title\", \"status\", \"detail\", \"code\",
\"request_id\"}`). The request id is in the log too. What a provider says of itself may bring codes that are not in this list.
";

const TAIL: &str = "
## At the start

| it says | what to do |
|---|---|
| cannot listen on ... | another program has the port: stop it, or `--listen 127.0.0.1:7800` |
| cannot make, or write to, the data folder | choose another with `--data`, or give it to this user |
| another septet uses the data folder | stop it first |
| unknown setting ...; did you mean ... | correct the key in the file or the variable that it names |
| there is no font with Chinese characters, no run-time, no walls | `septet doctor` says how to get each |
";
