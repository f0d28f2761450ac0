//! Modules beside each other do not name each other in a circle: then none of them can be read, moved or tested alone.
//!
//! Looked at are the modules directly below one parent, each with all that is below it, and the paths that begin with
//! `crate`, `super` or `self`. A module and its parent may name each other, as Rust means them to. Tests are left out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::{files_below, none, read, root, shown};

/// A path in the tree of modules.
type Module = Vec<String>;
/// Which child of one parent names which.
type Names = BTreeMap<String, BTreeSet<String>>;

#[test]
fn modules_beside_each_other_form_no_circle() {
    let mut complaints = Vec::new();
    let mut n_crates = 0;
    for manifest in files_below(&root(), &["Cargo.toml"]) {
        let source = manifest.with_file_name("src");
        if !source.is_dir() {
            continue;
        }
        n_crates += 1;
        let files = files_below(&source, &[".rs"]);
        let files = files.iter().filter_map(|file| Some((module(&source, file)?, read(file)))).collect();
        for (parent, circle) in circles(&files) {
            let place = shown(&parent.iter().fold(source.clone(), |place, part| place.join(part)));
            complaints.push(format!(
                "{place}: {} name each other in a circle: move what they share into a module of its own",
                circle.join(", ")
            ));
        }
    }

    assert!(n_crates > 20, "only {n_crates} crates were found");
    none(&complaints);
}

#[test]
fn a_circle_is_found_and_a_parent_with_its_child_is_none() {
    let found = |files: &[(&str, &str)]| {
        let module = |path: &str| path.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect();
        circles(&files.iter().map(|(path, text)| (module(path), (*text).to_owned())).collect::<BTreeMap<_, _>>())
    };
    let circle = |parent: &[&str], members: &[&str]| {
        let own = |parts: &[&str]| parts.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>();
        vec![(own(parent), own(members))]
    };

    let through_a_third =
        [("a", "use crate::{b::{self, X}, d};"), ("b", "fn f() { vec![super::c::Y] }"), ("c", "use crate::a::Z;")];
    assert_eq!(found(&through_a_third), circle(&[], &["a", "b", "c"]));
    let deeper = [("a::b", "use super::c::X as Y;"), ("a::c::d", "use super::super::b;"), ("a::c", "mod d;")];
    assert_eq!(found(&deeper), circle(&["a"], &["b", "c"]));
    let one_way = [("a", "use crate::b::X; // crate::a"), ("b", "const TEXT: &str = \"crate::a::X\";")];
    assert_eq!(found(&one_way), []);
    let with_parent = [("", "mod a; use crate::a::X;"), ("a", "use crate::Error; use super::Other;")];
    assert_eq!(found(&with_parent), []);
    let in_tests = [("a", "use crate::b::X;"), ("b", "#[cfg(test)] mod tests { use crate::a::Y; }")];
    assert_eq!(found(&in_tests), []);
}

/// The module that a file is; nothing for tests and for programs beside the library.
fn module(source: &Path, file: &Path) -> Option<Module> {
    let below = file.strip_prefix(source).ok()?.with_extension("");
    let mut parts: Module = below.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if parts.iter().any(|part| part == "tests" || part == "bin" || part.ends_with("_tests")) {
        return None;
    }
    if parts.last().is_some_and(|last| matches!(last.as_str(), "lib" | "main" | "mod")) {
        parts.pop();
    }
    Some(parts)
}

/// Every circle among the children of one parent: the parent, and who is part of it.
fn circles(files: &BTreeMap<Module, String>) -> Vec<(Module, Vec<String>)> {
    let mut parents: BTreeMap<Module, Names> = BTreeMap::new();
    for (module, text) in files {
        let tokens: TokenStream = text.parse().unwrap_or_else(|error| panic!("{module:?} is no Rust: {error}"));
        let mut named = Vec::new();
        paths(tokens, module, &mut named);
        for target in named {
            let n_same = module.iter().zip(&target).take_while(|(one, other)| one == other).count();
            let (Some(from), Some(to)) = (module.get(n_same), target.get(n_same)) else { continue };
            // Anything else below the same parent is an item of the parent itself.
            if files.keys().any(|known| known.starts_with(&target[..=n_same])) {
                let names = parents.entry(module[..n_same].to_vec()).or_default();
                names.entry(from.clone()).or_default().insert(to.clone());
            }
        }
    }
    let mut found = Vec::new();
    for (parent, names) in parents {
        let mut seen = BTreeSet::new();
        for start in names.keys() {
            let circle: Vec<String> =
                reached(&names, start).into_iter().filter(|other| reached(&names, other).contains(start)).collect();
            if circle.len() > 1 && seen.insert(circle.clone()) {
                found.push((parent.clone(), circle));
            }
        }
    }
    found
}

/// All that a module names, and what those name.
fn reached(names: &Names, start: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![start];
    while let Some(module) = open.pop() {
        for next in names.get(module).into_iter().flatten() {
            if found.insert(next.clone()) {
                open.push(next);
            }
        }
    }
    found
}

/// Every path of `tokens` that begins at the crate or relative to `module`, from the root of the crate.
fn paths(tokens: TokenStream, module: &[String], found: &mut Vec<Module>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut idx = 0;
    while let Some(token) = tokens.get(idx) {
        idx += 1;
        match token {
            TokenTree::Punct(punct) if punct.as_char() == '#' => {
                if matches!(tokens.get(idx), Some(TokenTree::Group(group)) if is_test(&group.stream())) {
                    // The item that it stands before.
                    let is_end = |token: &TokenTree| match token {
                        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
                        other => other.to_string() == ";",
                    };
                    idx += tokens[idx..].iter().position(is_end).map_or(tokens.len(), |n| n + 1);
                }
            }
            TokenTree::Group(group) => paths(group.stream(), module, found),
            TokenTree::Ident(word) if word == "mod" => {
                if let Some([TokenTree::Ident(name), TokenTree::Group(body)]) = tokens.get(idx..idx + 2) {
                    paths(body.stream(), &[module, &[name.to_string()]].concat(), found);
                    idx += 2;
                }
            }
            // `use<'_>` says what a type captures.
            TokenTree::Ident(word) if word == "use" && tokens.get(idx).is_some_and(|next| next.to_string() != "<") => {
                let end = tokens[idx..].iter().position(|token| token.to_string() == ";");
                let end = end.map_or(tokens.len(), |n| idx + n);
                imported(&tokens[idx..end], Vec::new(), module, found);
                idx = end;
            }
            TokenTree::Ident(word) if word == "crate" || word == "super" || word == "self" => {
                let mut path = vec![word.to_string()];
                while let Some([TokenTree::Punct(one), TokenTree::Punct(two), TokenTree::Ident(next)]) =
                    tokens.get(idx..idx + 3)
                    && (one.as_char(), two.as_char()) == (':', ':')
                {
                    path.push(next.to_string());
                    idx += 3;
                }
                found.extend(absolute(&path, module));
            }
            TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

fn is_test(attribute: &TokenStream) -> bool {
    attribute.to_string().split_whitespace().collect::<String>() == "cfg(test)"
}

/// The paths of a `use`, each whole.
fn imported(tokens: &[TokenTree], mut path: Vec<String>, module: &[String], found: &mut Vec<Module>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                for part in inner.split(|token| token.to_string() == ",") {
                    imported(part, path.clone(), module, found);
                }
                return;
            }
            TokenTree::Ident(word) if word == "as" => break,
            TokenTree::Ident(word) => path.push(word.to_string()),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
    found.extend(absolute(&path, module));
}

/// A path from the root of the crate; nothing for one that begins elsewhere.
fn absolute(path: &[String], module: &[String]) -> Option<Module> {
    let mut from = match path.first()?.as_str() {
        "crate" => Vec::new(),
        "super" | "self" => module.to_vec(),
        _ => return None,
    };
    for part in path {
        match part.as_str() {
            "crate" | "self" => {}
            "super" => drop(from.pop()),
            name => from.push(name.to_owned()),
        }
    }
    (path.len() > 1).then_some(from)
}
