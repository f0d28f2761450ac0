//! Golden files that are made from code say what the code says now. `make golden` rewrites them.

use std::path::Path;

#[test]
fn the_openapi_description_is_fresh() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/api/openapi.json");
    let text =
        std::fs::read_to_string(file).expect("docs/api/openapi.json; make it with: cargo run -p xtask -- openapi");
    let there: serde_json::Value = serde_json::from_str(&text).expect("docs/api/openapi.json is JSON");
    let now: serde_json::Value = serde_json::from_str(&septet_api_gateway::openapi()).expect("the description is JSON");

    // Compared by path first: two whole documents side by side tell nobody anything.
    let paths = |document: &serde_json::Value| {
        document["paths"].as_object().map(|paths| paths.keys().cloned().collect::<Vec<_>>()).unwrap_or_default()
    };
    assert_eq!(paths(&there), paths(&now), "docs/api/openapi.json is stale; run: make golden");
    assert!(there == now, "docs/api/openapi.json is stale; run: make golden");
}
