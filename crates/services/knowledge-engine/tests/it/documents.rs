//! Formats without pages.

use crate::harness::Harness;

#[tokio::test]
async fn text_is_read_in_the_encoding_it_was_written_in() {
    let harness = Harness::start().await;
    let caller = harness.somebody();
    let store = harness.store(&caller, "old files").await;
    let text = "本公司二〇二三年度实现营业收入三十七亿元，同比增长百分之十二。主要原因是海外市场拓展顺利。";
    let (gb18030, _, _) = encoding_rs::GB18030.encode(text);
    let utf16: Vec<u8> =
        [0xff, 0xfe].into_iter().chain("quarterly revenue".encode_utf16().flat_map(u16::to_le_bytes)).collect();
    harness.ingest(&caller, store.id, "gb.txt", gb18030.into_owned()).await;
    harness.ingest(&caller, store.id, "utf16.txt", utf16).await;

    assert!(harness.search(&caller, "海外市场").await[0].text.contains("营业收入三十七亿元"));
    assert_eq!(harness.search(&caller, "quarterly revenue").await[0].filename, "utf16.txt");
}

#[tokio::test]
async fn html_and_csv_keep_their_tables_as_rows() {
    let harness = Harness::start().await;
    let caller = harness.somebody();
    let store = harness.store(&caller, "web").await;
    let html = "<html><head><title>x</title><script>var secret = 1</script></head><body><h1>Results</h1>\
                <table><tr><th>Item</th><th>2024</th><th>2023</th></tr><tr><td>Turnover</td><td>1,577</td><td>1,373</td></tr></table></body></html>";
    harness.ingest(&caller, store.id, "page.html", html).await;
    harness.ingest(&caller, store.id, "data.csv", "city,people\n\"Oslo, Norway\",709037\nBergen,291940\n").await;

    let found = harness.search(&caller, "turnover").await;
    assert_eq!(
        (found[0].heading.as_str(), found[0].text.as_str()),
        ("Results", "Item | 2024 | 2023\nTurnover | 1,577 | 1,373")
    );
    assert!(harness.search(&caller, "secret").await.is_empty());
    assert_eq!(
        harness.search(&caller, "Bergen").await[0].text,
        "city | people\nOslo, Norway | 709037\nBergen | 291940"
    );
}

#[tokio::test]
async fn a_long_table_is_cut_between_rows_and_repeats_its_heads() {
    let harness = Harness::start().await;
    let caller = harness.somebody();
    let store = harness.store(&caller, "rows").await;
    let rows: String = (0..600).map(|n| format!("| customer number {n} | {} |\n", n * 7)).collect();
    harness
        .ingest(&caller, store.id, "long.md", format!("# List\n\n单位：元\n\n| name | amount |\n|---|---|\n{rows}"))
        .await;

    let found = harness.search(&caller, "customer number 437").await;

    assert!(found.len() > 2);
    for passage in &found {
        assert!(passage.text.starts_with("单位：元\nname | amount\ncustomer number"), "{}", passage.text);
    }
    assert!(found.iter().any(|passage| passage.text.contains("customer number 437 | 3059")));
}

#[tokio::test]
async fn deeply_nested_html_ends_in_a_failure_or_text() {
    let harness = Harness::start().await;
    let caller = harness.somebody();
    let store = harness.store(&caller, "deep").await;

    let file = harness.ingest(&caller, store.id, "deep.html", format!("<html>{}word", "<div>".repeat(20_000))).await;

    assert!(file.last_error.is_some() || file.septet.n_chunks > 0, "{file:?}");
}
