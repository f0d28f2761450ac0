//! The price table of `septet-prices`, from the community table in the `litellm` package (MIT).

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail, ensure};
use serde_json::value::RawValue;

/// Where it is written, from the root of the repository.
pub const FILE: &str = "crates/models/prices/data/prices.tsv";

const PACKAGE: &str = "litellm";
const MEMBER: &str = "litellm/model_prices_and_context_window_backup.json";

type Fields<'a> = BTreeMap<String, &'a RawValue>;

/// Prints the member of a wheel that the second argument names, after a line with its date.
const UNZIP: &str = "import sys, zipfile\nwheel = zipfile.ZipFile(sys.argv[1])\n\
    print('%04d-%02d-%02d' % wheel.getinfo(sys.argv[2]).date_time[:3])\nprint(wheel.read(sys.argv[2]).decode())";

/// Downloads `version` of the package with pip, or takes the wheel or JSON file at `from`, and rewrites the table.
///
/// # Errors
/// When the package cannot be had, or its table has a form that is not known here.
pub fn write(root: &Path, version: &str, from: Option<&Path>) -> anyhow::Result<String> {
    let (date, text) = match from {
        Some(path) if path.extension().is_some_and(|ending| ending == "json") => {
            ("unknown".to_owned(), std::fs::read_to_string(path).context("cannot read the table")?)
        }
        Some(path) => unpack(path)?,
        None => unpack(&download(version)?)?,
    };
    let (table, told) = convert(&text)?;
    let mut file = std::fs::File::create(root.join(FILE)).context("cannot write the table")?;
    writeln!(file, "# source: {PACKAGE} {version} from PyPI, {MEMBER}")?;
    writeln!(file, "# licence: MIT, Copyright (c) 2023 Berri AI")?;
    writeln!(file, "# date: {date}")?;
    writeln!(file, "# made by: cargo run -p xtask -- prices --version {version}")?;
    writeln!(file, "# unit: US dollars per million tokens, queries, calls, images, searches or seconds")?;
    file.write_all(table.as_bytes())?;
    Ok(told)
}

fn download(version: &str) -> anyhow::Result<PathBuf> {
    let folder = std::env::temp_dir().join(format!("septet-prices-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let status = Command::new("pip")
        .args(["download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest"])
        .arg(&folder)
        .arg(format!("{PACKAGE}=={version}"))
        .status()
        .context("cannot run pip")?;
    ensure!(status.success(), "pip could not download {PACKAGE} {version}");
    let file = std::fs::read_dir(&folder)?.next().context("pip downloaded nothing")??;
    Ok(file.path())
}

fn unpack(wheel: &Path) -> anyhow::Result<(String, String)> {
    let output =
        Command::new("python3").args(["-c", UNZIP]).arg(wheel).arg(MEMBER).output().context("cannot run python3")?;
    ensure!(output.status.success(), "cannot unpack {}: {}", wheel.display(), String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout)?;
    let (date, table) = text.split_once('\n').context("the wheel holds no table")?;
    Ok((date.trim().to_owned(), table.to_owned()))
}

/// The lines, and what was left out.
fn convert(text: &str) -> anyhow::Result<(String, String)> {
    let models: BTreeMap<String, &RawValue> = serde_json::from_str(text).context("the table is no JSON object")?;
    let mut lines: BTreeMap<(String, String), (bool, String)> = BTreeMap::new();
    let (mut n_other, mut n_twice) = (0, 0);
    for (key, fields) in &models {
        let fields: Fields<'_> = serde_json::from_str(fields.get()).with_context(|| format!("{key} is no object"))?;
        let (Some(said), Some(mode)) = (text_of(&fields, "litellm_provider"), mode(&fields)) else {
            n_other += 1;
            continue;
        };
        let provider = provider(&said);
        let prefixed = [said.as_str(), provider].iter().find_map(|name| key.strip_prefix(name)?.strip_prefix('/'));
        let model = prefixed.unwrap_or(key).to_ascii_lowercase();
        ensure!(!model.contains(['\t', '\n']), "{key:?} holds a tab");
        let line = line(&fields, mode).with_context(|| format!("cannot convert {key}"))?;
        let place = (provider.to_ascii_lowercase(), model);
        // "deepseek/deepseek-chat" is kept and "deepseek-chat" is not, when both are there.
        match lines.get(&place) {
            Some((true, _)) => n_twice += 1,
            Some((false, _)) if prefixed.is_none() => n_twice += 1,
            found => {
                n_twice += usize::from(found.is_some());
                lines.insert(place, (prefixed.is_some(), line));
            }
        }
    }
    let mut table = String::new();
    for ((provider, model), (_, line)) in &lines {
        table.push_str(&format!("{provider}\t{model}\t{line}\n"));
    }
    let told = format!(
        "{} rows, {} bytes; {n_other} rows of other kinds (images, sound, video, search) and {n_twice} named twice left out",
        lines.len(),
        table.len()
    );
    Ok((table, told))
}

fn text_of(fields: &Fields<'_>, name: &str) -> Option<String> {
    serde_json::from_str(fields.get(name)?.get()).ok()
}

fn provider(said: &str) -> &str {
    match said {
        "bedrock_converse" => "bedrock",
        "text-completion-openai" => "openai",
        "text-completion-codestral" => "codestral",
        "cohere_chat" => "cohere",
        "azure_text" => "azure",
        "fireworks_ai-embedding-models" => "fireworks_ai",
        _ if said.starts_with("vertex_ai-") => "vertex_ai",
        other => other,
    }
}

fn mode(fields: &Fields<'_>) -> Option<&'static str> {
    match text_of(fields, "mode")?.as_str() {
        "chat" => Some("chat"),
        "responses" => Some("responses"),
        "completion" => Some("completion"),
        "embedding" => Some("embedding"),
        "rerank" => Some("rerank"),
        _ => None,
    }
}

fn line(fields: &Fields<'_>, mode: &str) -> anyhow::Result<String> {
    let limit = |names: [&str; 2]| -> anyhow::Result<String> {
        let found = names.iter().find_map(|name| fields.get(*name)).map(|value| value.get().trim_matches('"'));
        let Some(text) = found.filter(|text| *text != "null") else { return Ok(String::new()) };
        let number: f64 = text.parse().with_context(|| format!("{text} is no number of tokens"))?;
        Ok(if number > 0.0 { format!("{}", number as u32) } else { String::new() })
    };
    let is_chat = matches!(mode, "chat" | "responses" | "completion");
    let input = limit(["max_input_tokens", "max_input_tokens"])?;
    let output = if is_chat { limit(["max_output_tokens", "max_tokens"])? } else { String::new() };
    let abilities: Vec<&str> = ABILITIES
        .iter()
        .filter(|(field, _)| fields.get(*field).is_some_and(|value| value.get() == "true"))
        .map(|(_, word)| *word)
        .collect();
    Ok(format!("{mode}\t{input}\t{output}\t{}\t{}", abilities.join(","), prices(fields)?.join(" ")))
}

const ABILITIES: [(&str, &str); 9] = [
    ("supports_vision", "vision"),
    ("supports_function_calling", "tools"),
    ("supports_parallel_function_calling", "parallel"),
    ("supports_reasoning", "reasoning"),
    ("supports_response_schema", "schema"),
    ("supports_prompt_caching", "caching"),
    ("supports_pdf_input", "pdf"),
    ("supports_web_search", "search"),
    ("supports_audio_input", "audio"),
];

/// What the fields are called here, longest first where one begins as another.
const PARTS: [(&str, &str); 13] = [
    ("input_cost_per_token", "in"),
    ("output_cost_per_token", "out"),
    ("cache_read_input_token_cost", "read"),
    ("cache_creation_input_token_cost_above_1hr", "write1h"),
    ("cache_creation_input_token_cost", "write"),
    ("output_cost_per_reasoning_token", "think"),
    ("input_cost_per_audio_token", "audio_in"),
    ("output_cost_per_audio_token", "audio_out"),
    ("input_cost_per_query", "query"),
    ("input_cost_per_request", "request"),
    ("input_cost_per_image", "image"),
    ("input_cost_per_second", "second"),
    ("output_cost_per_second", "second"),
];

/// `name=number` for every price that is known here, sorted.
fn prices(fields: &Fields<'_>) -> anyhow::Result<Vec<String>> {
    let mut found: BTreeMap<(usize, u64, String), String> = BTreeMap::new();
    let mut put = |field: &str, above: Option<u64>, value: &RawValue| -> anyhow::Result<()> {
        let Some((place, service, own_above)) = named(field) else { return Ok(()) };
        if value.get() == "null" {
            return Ok(());
        }
        let above = above.unwrap_or(own_above);
        let service = if service.is_empty() { String::new() } else { format!("/{service}") };
        let number = per_million(value.get()).with_context(|| format!("{field} is {value}"))?;
        found.insert((place, above, service), number);
        Ok(())
    };
    for (field, value) in fields {
        put(field, None, value)?;
    }
    if !fields.contains_key("cache_read_input_token_cost")
        && let Some(value) = fields.get("input_cost_per_token_cache_hit")
    {
        put("cache_read_input_token_cost", None, value)?;
    }
    if let Some(tiers) = fields.get("tiered_pricing") {
        let tiers: Vec<Fields<'_>> = serde_json::from_str(tiers.get()).context("the tiers are no list")?;
        for tier in &tiers {
            // Reranker rows have tiers by results, which is another matter.
            let Some(range) = tier.get("range") else { continue };
            let range: [f64; 2] = serde_json::from_str(range.get()).context("the range of a tier")?;
            for (field, value) in tier {
                put(field, Some(range[0] as u64), value)?;
            }
        }
    }
    if let Some(search) = fields.get("search_context_cost_per_query") {
        let sizes: Fields<'_> = serde_json::from_str(search.get()).unwrap_or_default();
        if let Some(medium) = sizes.get("search_context_size_medium") {
            found.insert((PARTS.len(), 0, String::new()), per_million(medium.get())?);
        }
    }
    // A free cache write beside a paid input is a price that nobody entered: such tokens cost as input.
    let input = PARTS.iter().position(|(_, name)| *name == "in").unwrap_or(0);
    let write = PARTS.iter().position(|(_, name)| *name == "write").unwrap_or(0);
    if found.get(&(input, 0, String::new())).is_some_and(|price| price != "0") {
        found.retain(|(place, _, _), price| *place != write || price != "0");
    }
    let name = |place: usize| PARTS.get(place).map_or("search", |(_, name)| *name);
    let text = |((place, above, service), number): (&(usize, u64, String), &String)| {
        let above = if *above == 0 { String::new() } else { format!(">{above}") };
        format!("{}{service}{above}={number}", name(*place))
    };
    Ok(found.iter().map(text).collect())
}

/// The place in [`PARTS`], the service, and the number of input tokens above which the price holds.
fn named(field: &str) -> Option<(usize, &'static str, u64)> {
    let (place, mut rest) =
        PARTS.iter().enumerate().find_map(|(place, (begin, _))| Some((place, field.strip_prefix(begin)?)))?;
    let (mut service, mut above) = ("", 0);
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("_above_") {
            let (number, after) = after.split_once("_tokens")?;
            above = number
                .strip_suffix('k')
                .map_or_else(|| number.parse().ok(), |n| Some(n.parse::<u64>().ok()? * 1000))?;
            rest = after;
            continue;
        }
        let (word, after) = [("batch", "_batches"), ("flex", "_flex"), ("priority", "_priority")].iter().find_map(
            |(word, suffix)| {
                let after = rest.strip_prefix(suffix)?;
                Some((*word, after))
            },
        )?;
        (service, rest) = (word, after);
    }
    Some((place, service, above))
}

/// `1.5e-07` (a unit) becomes `0.15` (a million), by moving the decimal point. What has more than 15 digits came out of
/// a float somewhere and is set right at 12 places after the point.
fn per_million(text: &str) -> anyhow::Result<String> {
    let text = text.trim_matches('"');
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().with_context(|| format!("{text} is no number"))?;
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{part}");
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        bail!("{text} is no price");
    }
    // In 10^-21 of a dollar a million: fine enough to see what is to be rounded.
    let shift = 21 + exponent - i32::try_from(part.len())?;
    let mut value: u128 = digits.parse()?;
    for _ in 0..shift.max(0) {
        value = value.checked_mul(10).with_context(|| format!("{text} is too large"))?;
    }
    for _ in shift..0 {
        value = (value + 5) / 10;
    }
    // Now in 10^-21 a unit, that is 10^-15 a million.
    let significant = digits.trim_start_matches('0').trim_end_matches('0').len();
    let step: u128 = if significant > 15 { 1_000_000_000 } else { 1_000_000 };
    let value = (value + step / 2) / step * step;
    let (whole, part) = (value / 10_u128.pow(15), value % 10_u128.pow(15));
    let part = format!("{part:015}");
    let part = part.trim_end_matches('0');
    Ok(if part.is_empty() { whole.to_string() } else { format!("{whole}.{part}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_a_token_becomes_a_price_a_million_by_moving_the_point() {
        for (token, million) in [
            ("1.5e-07", "0.15"),
            ("3e-06", "3"),
            ("0.0", "0"),
            ("0.002", "2000"),
            ("0.000015000020000000002", "15.00002"),
            ("8.900000000000001E-7", "0.89"),
            ("2.8e-08", "0.028"),
            ("1e-12", "0.000001"),
        ] {
            assert_eq!(per_million(token).ok().as_deref(), Some(million), "{token}");
        }
        assert!(per_million("-1").is_err());
        assert!(per_million("\"free\"").is_err());
    }

    #[test]
    fn the_name_of_a_field_says_part_service_and_tier_in_either_order() {
        let name = |field| named(field).map(|(place, service, above)| (PARTS[place].1, service, above));
        assert_eq!(name("input_cost_per_token"), Some(("in", "", 0)));
        assert_eq!(name("input_cost_per_token_above_200k_tokens_priority"), Some(("in", "priority", 200_000)));
        assert_eq!(name("input_cost_per_token_priority_above_200k_tokens"), Some(("in", "priority", 200_000)));
        assert_eq!(name("cache_creation_input_token_cost_above_1hr"), Some(("write1h", "", 0)));
        assert_eq!(name("cache_creation_input_token_cost_above_1hr_above_200k_tokens"), Some(("write1h", "", 200_000)));
        assert_eq!(name("input_cost_per_token_cache_hit"), None);
        assert_eq!(name("input_cost_per_image_token"), None);
        assert_eq!(name("input_cost_per_token_ultrafast"), None);
    }
}
