//! Every error code stands in the list, with words for people; the list holds nothing else.

mod scan;

use std::sync::LazyLock;

use crate::{none, read, root, rust_files, shown};

/// What is served: no tests, no tools.
fn sources() -> Vec<scan::Source> {
    const NOT_SERVED: [&str; 4] = ["crates/testkit", "crates/codes", "crates/models/recordings", "/tests"];
    rust_files()
        .iter()
        .map(|file| (shown(file), file))
        .filter(|(path, _)| path.starts_with("crates/") && !NOT_SERVED.iter().any(|part| path.contains(part)))
        .map(|(path, file)| (path, read(file)))
        .collect()
}

/// What all of them say; read once, for parsing takes its time.
static SAID: LazyLock<scan::Places> = LazyLock::new(|| scan::codes(&sources()).expect("the sources are Rust"));

#[test]
fn every_code_that_is_said_stands_in_the_list() {
    let said = &*SAID;
    let unknown: Vec<_> = said
        .iter()
        .filter(|(name, _)| septet_codes::all().all(|code| code.name != name.as_str()))
        .map(|(name, places)| {
            let places: Vec<_> = places.iter().map(String::as_str).collect();
            format!("{}: `{name}` has no words: give it a line in crates/codes, its lib.rs says how", places.join(", "))
        })
        .collect();

    assert!(said.len() > 80, "the sources are not understood any more: only {} codes were found", said.len());
    none(&unknown);
}

#[test]
fn every_code_in_the_list_is_said() {
    let said = &*SAID;
    let unsaid: Vec<_> = septet_codes::all()
        .filter(|code| !said.contains_key(code.name))
        .map(|code| format!("crates/codes: nothing says `{}`; take its line away", code.name))
        .collect();

    none(&unsaid);
}

#[test]
fn what_is_written_from_the_list_is_fresh() {
    let stale: Vec<_> = xtask::codes::files()
        .into_iter()
        .filter(|(path, text)| std::fs::read_to_string(root().join(path)).ok().as_ref() != Some(text))
        .map(|(path, _)| format!("{path} is stale; run: cargo run -p xtask -- codes"))
        .collect();

    none(&stale);
}

fn found(text: &str) -> Vec<String> {
    let sources = [("some.rs".to_owned(), text.to_owned())];
    scan::codes(&sources).expect("it is Rust").into_keys().collect()
}

#[test]
fn a_code_is_found_wherever_it_is_made() {
    let text = r#"
        impl Failure for Error {
            fn code(&self) -> &str { match self { Self::A => "in_an_arm", Self::B(b) if b == "not_a_code" => b.code() } }
        }
        fn refuse(code: &str, why: &str) -> Error { Error { code: code.to_owned(), why } }
        fn all() {
            refuse("as_an_argument", "not_a_code");
            let _ = Error::Refused { code: "in_a_field", detail: "not_a_code" };
            let _ = json!({"error": {"code": said.unwrap_or("in_json"), "type": "not_a_code"}});
            let code = if late { "in_a_branch" } else { said["not_a_code"].as_str().unwrap_or("by_default") };
            let (code, text) = match outcome { Outcome::Late => ("in_a_pair", "not_a_code") };
            problem.code = "in_an_assignment".to_owned();
        }
        #[cfg(test)]
        mod tests { fn one() { refuse("not_served", ""); } }
    "#;

    assert_eq!(
        found(text),
        [
            "as_an_argument",
            "by_default",
            "in_a_branch",
            "in_a_field",
            "in_a_pair",
            "in_an_arm",
            "in_an_assignment",
            "in_json"
        ]
    );
}
