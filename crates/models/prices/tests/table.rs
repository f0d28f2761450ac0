//! The shipped table, and the names it is asked with.

use septet_prices::{Part, PriceRow, Service, Table};

fn found(provider: &str, model: &str) -> Option<&'static str> {
    Table::shipped().find(provider, model).map(|row: &'static PriceRow| match &row.model {
        std::borrow::Cow::Borrowed(model) => *model,
        std::borrow::Cow::Owned(_) => panic!("the shipped table borrows its names"),
    })
}

#[test]
fn the_table_in_the_repository_is_read_whole_and_says_where_it_is_from() {
    let table = Table::shipped();
    assert!(table.len() > 3_000, "{}", table.len());
    for fact in ["source: ", "licence: MIT", "date: ", "unit: US dollars"] {
        assert!(table.head().iter().any(|line| line.starts_with(fact)), "{fact}");
    }
    let n_lines = include_str!("../data/prices.tsv").lines().filter(|line| !line.starts_with('#')).count();
    assert_eq!(table.len(), n_lines, "no line hides another");
}

#[test]
fn the_lines_are_sorted_so_that_a_new_version_shows_what_changed() {
    let lines = || include_str!("../data/prices.tsv").lines().filter(|line| !line.starts_with('#'));
    let key = |line: &'static str| line.split('\t').take(2).collect::<Vec<_>>();
    assert!(lines().map(key).is_sorted());
}

#[test]
fn a_model_is_found_under_the_names_that_clients_use() {
    assert_eq!(found("openai", "gpt-4o"), Some("gpt-4o"));
    assert_eq!(found("OpenAI", "GPT-4o"), Some("gpt-4o"));
    assert_eq!(found("openai", "openai/gpt-4o"), Some("gpt-4o"));
    assert_eq!(found("gemini", "models/gemini-2.5-pro"), Some("gemini-2.5-pro"));
    assert_eq!(found("google", "gemini-2.5-pro"), Some("gemini-2.5-pro"));
    assert_eq!(found("qwen", "qwen-plus"), Some("qwen-plus"));
    assert_eq!(found("zhipu", "glm-4.6"), found("zai", "glm-4.6"));
    assert_eq!(found("together", "nothing-like-it"), None);
    assert_eq!(found("no-such-provider", "gpt-4o"), None);
    assert_eq!(found("openai", ""), None);
}

#[test]
fn a_dated_name_finds_its_own_row_first_and_the_undated_one_else() {
    assert_eq!(found("openai", "gpt-4o-2024-05-13"), Some("gpt-4o-2024-05-13"));
    assert_eq!(found("openai", "gpt-4o-2031-01-31"), Some("gpt-4o"));
    assert_eq!(found("openai", "gpt-4-9999"), Some("gpt-4"));
    assert_eq!(found("anthropic", "claude-sonnet-4-5-20991231"), Some("claude-sonnet-4-5"));
    assert_eq!(found("openai", "gpt-4o-latest"), Some("gpt-4o"));
    // A short number at the end is a version, not a date.
    assert_eq!(found("openai", "gpt-4o-7"), None);
}

#[test]
fn bedrock_names_lose_their_region_only_when_the_region_has_no_row() {
    let own = "us.anthropic.claude-sonnet-4-20250514-v1:0";
    assert_eq!(found("bedrock", own), Some(own));
    assert_eq!(found("bedrock", &format!("arn:aws:bedrock:us-east-1:1234567890:inference-profile/{own}")), Some(own));
    assert_eq!(
        found("bedrock", "sa.anthropic.claude-sonnet-4-20250514-v1:0"),
        Some("anthropic.claude-sonnet-4-20250514-v1:0")
    );
}

#[test]
fn every_price_of_the_table_can_be_billed() {
    let tokens = septet_prices::Tokens { input: 1_000_000, cached: 10, output: 1_000, ..Default::default() };
    for row in Table::shipped().rows() {
        let prices = |part| row.rates.iter().any(|rate| rate.part == part && rate.service == Service::Standard);
        let is_priced = prices(Part::Input) && prices(Part::Output);
        let who = format!("{} {}", row.provider, row.model);
        assert_eq!(row.cost(&tokens, Service::Standard).is_some(), is_priced, "{who}");
        for service in [Service::Batch, Service::Flex, Service::Priority] {
            assert!(row.cost(&tokens, service).is_some() || !is_priced, "{who}");
        }
    }
}

#[test]
fn a_line_that_is_no_row_is_refused_with_its_number() {
    for (line, what) in [
        ("openai\tx\tchat", "number of columns"),
        ("openai\tx\tpoetry\t\t\t\tin=1", "mode"),
        ("openai\tx\tchat\tmany\t\t\tin=1", "input limit"),
        ("openai\tx\tchat\t\t\tflying\tin=1", "ability"),
        ("openai\tx\tchat\t\t\t\tin/never=1", "name of a price"),
        ("openai\tx\tchat\t\t\t\tin>many=1", "name of a price"),
        ("openai\tx\tchat\t\t\t\tin=-1", "price"),
    ] {
        let text: &'static str = Box::leak(format!("# head\n{line}\n").into_boxed_str());
        let error = Table::parse(text).unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains(what), "{error}");
    }
}
