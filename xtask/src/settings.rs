//! The reference of all settings, made from the documentation of the fields.
//!
//! It reads the sources as text: what a setting means is written once, beside the field, and nowhere else.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, ensure};

/// Where the reference lies.
pub const FILE: &str = "docs/reference/settings.md";

/// A section of `septet.toml`: its name, the file, the struct in it.
const SECTIONS: [(&str, &str, &str); 23] = [
    ("", "crates/septet/src/config.rs", "Config"),
    ("listen", "crates/septet/src/config.rs", "Listen"),
    ("stores", "crates/septet/src/config.rs", "Stores"),
    ("log", "crates/chassis/src/telemetry.rs", "Config"),
    ("gateway", "crates/services/api-gateway/src/config.rs", "Config"),
    ("gateway.billing", "crates/services/api-gateway/src/config.rs", "BillingConfig"),
    ("models", "crates/services/model-gateway/src/config.rs", "Config"),
    ("models.providers.<name>", "crates/services/model-gateway/src/config/provider.rs", "ProviderConfig"),
    ("models.providers.<name>.models", "crates/services/model-gateway/src/config/provider.rs", "ModelConfig"),
    ("models.routes.<name>", "crates/services/model-gateway/src/config/route.rs", "RouteConfig"),
    ("models.routes.<name>.models", "crates/services/model-gateway/src/config/route.rs", "MemberConfig"),
    ("models.routes.<name>.blend", "crates/services/model-gateway/src/config/route.rs", "BlendConfig"),
    ("models.tenant_prices", "crates/services/model-gateway/src/config/price.rs", "TenantPriceConfig"),
    ("models.budgets", "crates/services/model-gateway/src/config/budget.rs", "BudgetConfig"),
    ("models.keys.<name>", "crates/services/model-gateway/src/config/budget.rs", "KeyConfig"),
    ("agents", "crates/services/agent-core/src/config.rs", "Config"),
    ("knowledge", "crates/services/knowledge-engine/src/config.rs", "Config"),
    ("sandbox", "crates/services/sandbox-runner/src/config.rs", "Config"),
    ("sandbox.docker", "crates/services/sandbox-runner/src/docker/settings.rs", "Settings"),
    ("sandbox.kubernetes", "crates/services/sandbox-runner/src/kubernetes/config.rs", "Config"),
    ("sandbox.keys.<name>", "crates/services/sandbox-runner/src/config/key.rs", "KeyConfig"),
    ("worker", "crates/services/async-worker/src/config.rs", "Config"),
    ("management", "crates/services/management/src/config.rs", "Config"),
];

/// The reference as Markdown.
///
/// # Errors
/// When a source cannot be read, or a struct or the words beside a field are not where they should be.
pub fn render(root: &Path) -> anyhow::Result<String> {
    let mut text = String::from(
        "# Settings\n\nWritten by `make golden` from the sources; how settings are given is in\n\
         [configuration](../guide/configuration.md). `septet check` prints the values that count.\n",
    );
    for (section, file, structure) in SECTIONS {
        let source = std::fs::read_to_string(root.join(file)).with_context(|| format!("cannot read {file}"))?;
        let fields = fields(&source, structure).with_context(|| format!("{structure} in {file}"))?;
        let heading = match section {
            "" => "At the top".to_owned(),
            "models.providers.<name>.models"
            | "models.routes.<name>.models"
            | "models.tenant_prices"
            | "models.budgets" => {
                format!("`[[{section}]]`")
            }
            other => format!("`[{other}]`"),
        };
        write!(text, "\n## {heading}\n\n| key | |\n|---|---|\n")?;
        for (name, words) in fields {
            // A section of its own, below.
            let is_section = SECTIONS.iter().any(|(other, ..)| *other == join(section, &name));
            if !is_section {
                writeln!(text, "| `{name}` | {} |", words.replace('|', "\\|"))?;
            }
        }
    }
    Ok(text)
}

fn join(section: &str, name: &str) -> String {
    if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") }
}

/// The public fields of a struct with the words beside them, in order.
fn fields(source: &str, structure: &str) -> anyhow::Result<Vec<(String, String)>> {
    let start = source.find(&format!("pub struct {structure} {{")).context("there is no such struct")?;
    let body = source[start..].split_once("\n}").context("the struct does not end")?.0;
    let mut fields = Vec::new();
    let mut words: Vec<&str> = Vec::new();
    for line in body.lines().skip(1).map(str::trim) {
        if let Some(more) = line.strip_prefix("///") {
            words.push(more.trim());
        } else if let Some((name, _type)) = line.strip_prefix("pub ").and_then(|field| field.split_once(':')) {
            ensure!(!words.is_empty(), "{name} has no words beside it");
            fields.push((name.to_owned(), words.join(" ")));
            words.clear();
        }
    }
    ensure!(!fields.is_empty(), "the struct has no public field");
    Ok(fields)
}
