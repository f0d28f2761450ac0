//! Bills, worked out by hand from the prices that the providers print.

use septet_prices::{Ability, Currency, Mode, Part, Price, PriceRow, Service, Table, Tokens};

fn row(provider: &str, model: &str) -> &'static PriceRow {
    Table::shipped().find(provider, model).unwrap_or_else(|| panic!("{provider} {model} is in the table"))
}

fn price(million: &str) -> Price {
    Price::per_million(million).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn openai_bills_cached_input_at_half_the_price() {
    // 1,000 fresh x 2.50 + 2,000 cached x 1.25 + 500 x 10 dollars a million = 2,500 + 2,500 + 5,000 micro-dollars.
    let tokens = Tokens { input: 3_000, cached: 2_000, output: 500, reasoning: 100, ..Tokens::default() };
    assert_eq!(row("openai", "gpt-4o").cost(&tokens, Service::Standard), Some(10_000_000));
}

#[test]
fn a_batch_costs_half_and_priority_more() {
    let tokens = Tokens { input: 1_000, output: 1_000, ..Tokens::default() };
    let row = row("openai", "gpt-4o");
    assert_eq!(row.cost(&tokens, Service::Batch), Some(1_250_000 + 5_000_000));
    assert_eq!(row.cost(&tokens, Service::Priority), Some(4_250_000 + 17_000_000));
    // gpt-4o has no flex: it costs as ever.
    assert!(!row.has(Service::Flex));
    assert_eq!(row.cost(&tokens, Service::Flex), row.cost(&tokens, Service::Standard));
}

#[test]
fn anthropic_bills_cache_writes_of_five_minutes_and_of_an_hour_apart() {
    // 100 fresh x 3 + 1,000 read x 0.30 + 2,000 written x 3.75 + 400 written for an hour x 6 + 50 x 15.
    let tokens = Tokens {
        input: 3_500,
        cached: 1_000,
        cache_write: 2_400,
        cache_write_1h: 400,
        output: 50,
        ..Tokens::default()
    };
    let micro = 300 + 300 + 7_500 + 2_400 + 750;
    assert_eq!(row("anthropic", "claude-sonnet-4-5").cost(&tokens, Service::Standard), Some(micro * 1_000));
}

#[test]
fn above_200k_tokens_of_input_the_dearer_tier_holds_for_the_whole_call() {
    let sonnet = row("bedrock", "us.anthropic.claude-sonnet-4-20250514-v1:0");
    let at = Tokens { input: 200_000, cached: 100_000, output: 1_000, ..Tokens::default() };
    assert_eq!(sonnet.cost(&at, Service::Standard), Some((300_000 + 30_000 + 15_000) * 1_000));
    let above = Tokens { input: 200_001, cached: 100_000, cache_write: 1, output: 1_000, ..Tokens::default() };
    // 100,000 x 6 + 100,000 x 0.60 + 1 x 7.50 + 1,000 x 22.50
    assert_eq!(sonnet.cost(&above, Service::Standard), Some((600_000 + 60_000 + 22_500) * 1_000 + 7_500));
}

#[test]
fn gemini_has_tiers_and_batches_of_the_upper_tier_cost_their_share_too() {
    let pro = row("gemini", "gemini-2.5-pro");
    let small = Tokens { input: 10_000, cached: 4_000, output: 2_000, reasoning: 1_500, ..Tokens::default() };
    assert_eq!(pro.cost(&small, Service::Standard), Some((7_500 + 500 + 20_000) * 1_000));
    let large = Tokens { input: 300_000, output: 2_000, ..Tokens::default() };
    assert_eq!(pro.cost(&large, Service::Standard), Some((750_000 + 30_000) * 1_000));
    // The table has no batch price above 200k: half, as below it.
    assert_eq!(pro.cost(&large, Service::Batch), Some((375_000 + 15_000) * 1_000));
    assert_eq!(pro.cost(&large, Service::Priority), Some((1_350_000 + 54_000) * 1_000));
}

#[test]
fn qwen_has_ranges_and_prices_thinking_apart() {
    let plus = row("qwen", "qwen-plus-2025-09-11");
    let small = Tokens { input: 1_000, output: 3_000, reasoning: 2_000, ..Tokens::default() };
    assert_eq!(plus.cost(&small, Service::Standard), Some((400 + 1_200 + 8_000) * 1_000));
    let large = Tokens { input: 256_001, output: 3_000, reasoning: 2_000, ..Tokens::default() };
    // 256,001 x 1.20 + 1,000 x 3.60 + 2,000 x 12
    assert_eq!(plus.cost(&large, Service::Standard), Some(307_201_200 + 3_600_000 + 24_000_000));
    // At the edge the lower range holds.
    let edge = Tokens { input: 256_000, ..Tokens::default() };
    assert_eq!(plus.cost(&edge, Service::Standard), Some(102_400_000));
}

#[test]
fn deepseek_bills_a_cache_hit_at_a_tenth_and_a_miss_in_full() {
    let tokens = Tokens { input: 10_000, cached: 9_000, output: 100, ..Tokens::default() };
    // 1,000 x 0.28 + 9,000 x 0.028 + 100 x 0.42
    assert_eq!(row("deepseek", "deepseek-chat").cost(&tokens, Service::Standard), Some((280 + 252 + 42) * 1_000));
}

#[test]
fn a_rerank_costs_by_search_and_an_embedding_by_token() {
    let search = Tokens { input: 900, queries: 3, ..Tokens::default() };
    assert_eq!(row("cohere", "rerank-v3.5").cost(&search, Service::Standard), Some(6_000_000));
    assert_eq!(row("cohere", "rerank-v3.5").mode, Mode::Rerank);
    let embed = Tokens { input: 7, ..Tokens::default() };
    // 7 x 20 nano-dollars.
    assert_eq!(row("openai", "text-embedding-3-small").cost(&embed, Service::Standard), Some(140));
}

#[test]
fn the_sum_is_rounded_once_and_half_goes_up() {
    let row = PriceRow::named("own", "model").with(Part::Input, Service::Standard, price("0.0002")).with(
        Part::Output,
        Service::Standard,
        price("0.0003"),
    );
    let tokens = |input, output| Tokens { input, output, ..Tokens::default() };
    // 0.2 + 0.3 nano-dollars are half a one: rounded apart they would be nothing.
    assert_eq!(row.cost(&tokens(1, 1), Service::Standard), Some(1));
    assert_eq!(row.cost(&tokens(2, 0), Service::Standard), Some(0));
    assert_eq!(row.cost(&tokens(5, 0), Service::Standard), Some(1));
    assert_eq!(row.cost(&tokens(u64::MAX, u64::MAX), Service::Standard), Some(i64::MAX));
}

#[test]
fn what_has_no_price_has_no_cost_and_nothing_costs_nothing() {
    let row = PriceRow::named("own", "model").with(Part::Input, Service::Standard, price("1"));
    assert_eq!(row.cost(&Tokens { output: 1, ..Tokens::default() }, Service::Standard), None);
    assert_eq!(row.cost(&Tokens::default(), Service::Standard), Some(0));
}

#[test]
fn counts_that_contradict_each_other_never_make_a_bill_smaller_than_what_was_read() {
    let row = row("anthropic", "claude-sonnet-4-5");
    let odd = Tokens {
        input: 10,
        cached: 50,
        cache_write: 50,
        cache_write_1h: 90,
        output: 1,
        reasoning: 7,
        ..Tokens::default()
    };
    let sane = Tokens { input: 10, cached: 10, output: 1, ..Tokens::default() };
    assert_eq!(row.cost(&odd, Service::Standard), row.cost(&sane, Service::Standard));
}

#[test]
fn a_partial_row_of_an_operator_replaces_only_what_it_names() {
    let own = PriceRow::named("openai", "gpt-4o").with(Part::Output, Service::Standard, price("8"));
    let row = row("openai", "gpt-4o").overlaid(&own);
    let tokens = Tokens { input: 1_000, cached: 400, output: 1_000, ..Tokens::default() };
    assert_eq!(row.cost(&tokens, Service::Standard), Some((1_500 + 500 + 8_000) * 1_000));
    // The batch price of the table was half of the old price.
    assert_eq!(row.cost(&tokens, Service::Batch), Some((750 + 500 + 8_000) * 1_000));
    assert_eq!(row.limits.input, Some(128_000));
    assert!(row.abilities.has(Ability::Vision));
}

#[test]
fn a_row_in_yuan_takes_no_price_in_dollars_over() {
    let mut own = PriceRow::named("dashscope", "qwen-plus").with(Part::Input, Service::Standard, price("0.8"));
    own.currency = Currency::Cny;
    let row = row("dashscope", "qwen-plus").overlaid(&own);
    assert_eq!(row.currency.code(), "CNY");
    assert_eq!(row.cost(&Tokens { input: 1_000_000, ..Tokens::default() }, Service::Standard), Some(800_000_000));
    assert_eq!(row.cost(&Tokens { output: 1, ..Tokens::default() }, Service::Standard), None);
}

#[test]
fn prices_are_read_exactly_or_not_at_all() {
    assert_eq!(Price::per_unit("1.5e-07").unwrap().femto(), 150_000_000);
    assert_eq!(Price::per_unit("0.00000015").unwrap(), price("0.15"));
    assert_eq!(Price::per_unit("1E-15").unwrap().femto(), 1);
    assert_eq!(Price::per_unit("0e99").unwrap().femto(), 0);
    assert_eq!(Price::per_unit("1e-6").unwrap(), Price::per_unit("1.000e-6").unwrap());
    for text in ["", ".", "-1", "1e-16", "1.5e-15", "NaN", "1e5", "1e999999999999", "0x1", "1,5", "1e", "１"] {
        assert!(Price::per_unit(text).is_err(), "{text}");
    }
}
