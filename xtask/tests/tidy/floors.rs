//! A crate may use crates of lower floors only, so two services can never import each other.

use cargo_metadata::{MetadataCommand, Package};

use crate::{code_lines, files_below, none, read, root, shown};

const KERNEL: u8 = 1;
const COMMON: u8 = 2;
const SERVICES: u8 = 3;
const BINARY: u8 = 4;
const TOOLS: u8 = 5;

/// The pairs that go sideways: the queue is a table of the database, and the counters may be kept in one.
const SIDEWAYS: [(&str, &str); 7] = [
    ("septet-queue", "septet-database"),
    ("septet-kv", "septet-database"),
    // A page of a table is asked for as the API asks for it.
    ("septet-database", "septet-contracts"),
    // The analyst answers in the wire types of Chat Completions, as a provider does.
    ("septet-analyst", "septet-contracts"),
    // Where a provider is depends on what it is asked in.
    ("septet-providers", "septet-protocols"),
    // Recorded answers, for tests alone, are told apart by the dialects that they are in.
    ("septet-recordings", "septet-protocols"),
    ("septet-protocols", "septet-recordings"),
];

fn packages() -> Vec<Package> {
    let metadata = MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec();
    metadata.expect("cargo metadata knows the workspace").packages
}

/// Folder and name decide; a crate in a place nobody knows has no floor.
fn floor(package: &Package) -> Option<u8> {
    let folder = package.manifest_path.parent()?.strip_prefix(root().to_str()?).ok()?;
    match folder.as_str() {
        "crates/kernel" | "crates/codes" | "crates/sse" | "crates/fixtures" => Some(KERNEL),
        "crates/contracts" | "crates/chassis" => Some(COMMON),
        "crates/septet" => Some(BINARY),
        "crates/testkit" | "tests" | "tests/money" | "bench" | "xtask" => Some(TOOLS),
        other if other.starts_with("crates/stores/") || other.starts_with("crates/models/") => Some(COMMON),
        other if other.starts_with("crates/services/") => Some(SERVICES),
        _ => None,
    }
}

#[test]
fn every_crate_stands_on_a_floor() {
    let homeless: Vec<_> = packages()
        .iter()
        .filter(|package| floor(package).is_none())
        .map(|package| {
            format!("{} lies outside the known folders: say in floors.rs which floor it belongs to", package.name)
        })
        .collect();

    none(&homeless);
}

#[test]
fn a_crate_uses_only_lower_floors() {
    let packages = packages();
    let mut complaints = Vec::new();
    for package in &packages {
        let Some(own) = floor(package) else { continue };
        for dependency in &package.dependencies {
            let Some(other) = packages.iter().find(|other| *other.name == dependency.name) else { continue };
            let Some(below) = floor(other) else { continue };
            let pair = (package.name.as_str(), other.name.as_str());
            let is_tool_on_tool = own == TOOLS && other.name.as_str() == "septet-testkit";
            if below < own || is_tool_on_tool || SIDEWAYS.contains(&pair) {
                continue;
            }
            complaints.push(format!(
                "{} (floor {own}) depends on {} (floor {below}, {}): go through a typed client of septet-contracts, or move \
                 what both need down",
                pair.0, pair.1, dependency.kind
            ));
        }
    }

    none(&complaints);
}

#[test]
fn there_are_seven_services() {
    let n_services = packages().iter().filter(|package| floor(package) == Some(SERVICES)).count();

    assert_eq!(n_services, 7);
}

/// All that the kernel and the contracts may be made of. Whoever adds one here asks first whether it does any IO.
const PURE: [(&str, &[&str]); 2] = [
    ("septet-kernel", &["axum-core", "http", "tower", "serde", "thiserror", "uuid", "jiff", "utoipa"]),
    (
        "septet-contracts",
        &[
            "septet-kernel",
            "septet-sse",
            "axum-core",
            "bytes",
            "http",
            "http-body-util",
            "tower",
            "futures",
            "async-stream",
            "serde",
            "serde_json",
            "thiserror",
            "utoipa",
        ],
    ),
];
/// What the standard library does IO with.
const IO: [&str; 9] =
    ["std::fs", "std::process", "std::env", "env::var", "fs::", "TcpStream", "TcpListener", "UdpSocket", "File::"];

#[test]
fn the_kernel_does_no_io_and_contracts_know_no_store() {
    let packages = packages();
    let dependencies = |name: &str| {
        let package = packages.iter().find(|package| package.name.as_str() == name).expect("the crate exists");
        let is_for_tests = |kind| kind == cargo_metadata::DependencyKind::Development;
        package.dependencies.iter().filter(move |dependency| !is_for_tests(dependency.kind)).map(|d| d.name.clone())
    };
    let mut complaints = Vec::new();
    for (name, allowed) in PURE {
        for other in dependencies(name).filter(|dependency| !allowed.contains(&dependency.as_str())) {
            complaints.push(format!("{name} depends on {other}, which is not on its list in floors.rs"));
        }
    }
    for other in dependencies("septet-chassis") {
        if ["sea-orm", "sea-orm-migration", "object_store", "tantivy"].contains(&other.as_str()) {
            complaints.push(format!("septet-chassis depends on {other}: it is to stay free of that"));
        }
    }
    for folder in ["crates/kernel/src", "crates/contracts/src"] {
        for file in files_below(&root().join(folder), &[".rs"]) {
            for (idx, line) in code_lines(&read(&file)).iter().enumerate() {
                if let Some(word) = IO.iter().find(|word| line.contains(**word)) {
                    complaints.push(format!("{}:{}: {word} does IO; services do that", shown(&file), idx + 1));
                }
            }
        }
    }

    none(&complaints);
}
