//! JSON and JSON Lines, from the bytes to what is found.

use septet_contracts::knowledge::{VectorStoreFile, VectorStoreFileStatus};
use septet_kernel::Caller;

use crate::harness::Harness;

struct Base {
    harness: Harness,
    caller: Caller,
    store: septet_kernel::VectorStoreId,
}

impl Base {
    async fn new() -> Self {
        let harness = Harness::start().await;
        let caller = harness.somebody();
        let store = harness.store(&caller, "records").await.id;
        Self { harness, caller, store }
    }

    async fn ingest(&self, filename: &str, bytes: impl Into<Vec<u8>>) -> VectorStoreFile {
        self.harness.ingest(&self.caller, self.store, filename, bytes).await
    }

    async fn first(&self, question: &str) -> String {
        let found = self.harness.search(&self.caller, question).await;
        found.into_iter().next().map(|passage| format!("{}\n{}", passage.heading, passage.text)).unwrap_or_default()
    }
}

#[tokio::test]
async fn a_record_is_found_with_the_names_of_its_fields() {
    let base = Base::new().await;
    let mark = "\u{feff}";
    let orders = r#"{"orders": [{"id": 12345678901234567890123, "city": "Oslo"}, {"id": 2, "city": "Bergen"}]}"#;
    let file = base.ingest("orders.json", format!("{mark}{orders}")).await;
    assert_eq!((file.status, file.septet.reader.as_str()), (VectorStoreFileStatus::Completed, "json"));
    base.ingest("people.json", r#"[{"name": "Wang", "jobs": [{"at": {"firm": "Acme"}}]}, {"name": "Li", "jobs": []}]"#)
        .await;
    let (gb18030, _, _) =
        encoding_rs::GB18030.encode(r#"{"公司": {"名称": "北方能源股份有限公司", "营业收入": 1175301034.32}}"#);
    base.ingest("公司.json", gb18030.into_owned()).await;

    assert_eq!(base.first("Bergen").await, "\norders\nid | city\n12345678901234567890123 | Oslo\n2 | Bergen");
    assert!(base.first("Acme").await.contains("name: Wang\njobs[0].at.firm: Acme"), "{}", base.first("Acme").await);
    assert!(base.first("营业收入").await.contains("公司.营业收入: 1175301034.32"));
}

#[tokio::test]
async fn broken_lines_are_told_and_the_others_are_found() {
    let base = Base::new().await;
    let lines =
        "{\"id\": 1, \"animal\": \"aardvark\"}\n{\"id\": 2, \"animal\":\n{\"id\": 3, \"animal\": \"buffalo\"}\n";

    let file = base.ingest("animals.jsonl", lines).await;

    assert_eq!((file.status, file.last_error), (VectorStoreFileStatus::Completed, None));
    let left_out = file.septet.left_out.unwrap();
    assert_eq!(left_out.code, "partly_read");
    assert!(
        left_out.message.contains("1 of 3 lines") && left_out.message.contains("line 2, column 19"),
        "{left_out:?}"
    );
    for animal in ["aardvark", "buffalo"] {
        assert!(base.first(animal).await.contains(animal));
    }

    let whole = base.ingest("whole.ndjson", "{\"id\": 1}\n{\"id\": 2}\n").await;
    assert_eq!((whole.septet.left_out, whole.septet.reader.as_str()), (None, "jsonl"));
}

#[tokio::test]
async fn broken_json_is_refused_with_its_place_unless_its_name_promised_none() {
    let base = Base::new().await;
    let broken = "{\"name\": \"zebra\",\n  \"n\": }";

    let file = base.ingest("data.json", broken).await;

    assert_eq!(file.status, VectorStoreFileStatus::Failed);
    let error = file.last_error.unwrap();
    assert_eq!(error.code, "malformed");
    assert!(error.message.contains("line 2, column 8"), "{}", error.message);

    // A text that only looks like JSON.
    let text = base.ingest("notes.txt", broken).await;
    assert_eq!((text.last_error, text.septet.reader.as_str()), (None, "text"));
    assert!(base.first("zebra").await.contains("zebra"));
}

#[tokio::test]
async fn json_that_is_nested_for_its_own_sake_ends_in_text_or_a_stated_failure() {
    let base = Base::new().await;
    let deep = 2_000_000;
    for (name, text, failure) in [
        ("lists.json", format!("{}{}", "[".repeat(deep), "]".repeat(deep)), None),
        ("objects.json", format!("{}1{}", "{\"a\":".repeat(deep), "}".repeat(deep)), None),
        ("open.json", "[".repeat(deep), Some("malformed")),
    ] {
        let file = base.ingest(name, text).await;

        assert_eq!(file.last_error.as_ref().map(|error| error.code.as_str()), failure, "{file:?}");
        assert_eq!(file.septet.n_chunks > 0, failure.is_none(), "{file:?}");
    }
}

#[tokio::test]
async fn nothing_is_lost_to_a_line_that_is_json_by_chance() {
    let base = Base::new().await;
    // One document over several lines, some of which are JSON by themselves.
    let pretty = "{\n  \"tags\": [\n    1,\n    2\n  ],\n  \"name\": \"aardvark\"\n}\n";
    let file = base.ingest("one.jsonl", pretty).await;
    assert_eq!((file.status, file.septet.left_out), (VectorStoreFileStatus::Completed, None));
    assert!(base.first("aardvark").await.contains("name: aardvark"));

    // A text that begins like JSON, under a name that promises none.
    let file = base.ingest("notes.txt", "{\"level\": \"info\"}\nThe zebra crossed the road.\n").await;
    assert_eq!((file.status, file.septet.reader.as_str()), (VectorStoreFileStatus::Completed, "text"));
    assert!(base.first("zebra").await.contains("crossed the road"));
}
