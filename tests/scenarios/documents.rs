//! Documents that cannot be read end in a stated failure, and what is said helps.

use septet_testkit::Transcript;
use serde_json::json;

use crate::in_both;

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_document_fails_with_a_reason() {
    in_both(async |platform, transcript| {
        for (name, bytes, code) in [
            ("empty.txt", Vec::new(), "empty_file"),
            ("broken.pdf", b"%PDF-1.7\nthis is no pdf at all".to_vec(), "pdf_broken"),
            ("locked.pdf", encrypted_pdf(), "pdf_encrypted"),
            ("picture.png", b"\x89PNG\r\n\x1a\n0000".to_vec(), "unsupported_type"),
        ] {
            let (_, state) = platform.client.add_document(name, bytes).await;
            assert_eq!(state["status"], "failed", "{name}: {state}");
            assert_eq!(state["last_error"]["code"], code, "{name}: {state}");
            transcript.value(name, &state["last_error"]);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn chinese_words_are_found_as_they_are_written() {
    in_both(async |platform, transcript| {
        let text = "# 公司健康管理\n\n本公司重视员工健康，全年投入一千二百万元。\n\n# 其他\n\n天气晴朗。\n";
        let (store, state) = platform.client.add_document("健康.md", text.as_bytes().to_vec()).await;
        assert_eq!(state["status"], "completed", "{state}");
        let query = json!({"query": "健康", "max_num_results": 5});
        let found = platform.client.post(&format!("/v1/vector_stores/{store}/search"), query).await.ok();
        let first = &found["data"][0];
        assert!(first["content"][0]["text"].as_str().unwrap().contains("员工健康"), "{found}");
        search(transcript, &found);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_document_is_not_found_any_more() {
    in_both(async |platform, transcript| {
        let client = &platform.client;
        let (store, state) = client.add_document("note.txt", b"The zebra crosses the road.".to_vec()).await;
        let file = state["id"].as_str().unwrap();
        let path = format!("/v1/vector_stores/{store}/search");
        let search = || client.post(&path, json!({"query": "zebra"}));
        assert_eq!(search().await.ok()["data"].as_array().unwrap().len(), 1);
        client.delete(&format!("/v1/vector_stores/{store}/files/{file}")).await.ok();
        assert_eq!(search().await.ok()["data"].as_array().unwrap().len(), 0);
        client.delete(&format!("/v1/files/{file}")).await.ok();
        transcript.reply("gone", &client.get(&format!("/v1/files/{file}")).await);
    })
    .await;
}

fn search(transcript: &mut Transcript, found: &serde_json::Value) {
    for hit in found["data"].as_array().into_iter().flatten() {
        transcript.value("hit", &json!([hit["filename"], hit["attributes"]["heading"], hit["content"][0]["text"]]));
    }
}

/// A PDF whose trailer names an encryption with a user password: enough for every reader to ask for it.
fn encrypted_pdf() -> Vec<u8> {
    let mut pdf = b"%PDF-1.4\n".to_vec();
    let mut places = Vec::new();
    let key = "<0000000000000000000000000000000000000000000000000000000000000001>";
    for (number, body) in [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] >>".to_owned(),
        format!("<< /Filter /Standard /V 1 /R 2 /O {key} /U {key} /P -4 >>"),
    ]
    .iter()
    .enumerate()
    {
        places.push(pdf.len());
        pdf.extend_from_slice(format!("{} 0 obj\n{body}\nendobj\n", number + 1).as_bytes());
    }
    let table = pdf.len();
    pdf.extend_from_slice(format!("xref\n0 {}\n0000000000 65535 f \n", places.len() + 1).as_bytes());
    for place in &places {
        pdf.extend_from_slice(format!("{place:010} 00000 n \n").as_bytes());
    }
    let id = "<00000000000000000000000000000001>";
    let trailer =
        format!("trailer\n<< /Size 5 /Root 1 0 R /Encrypt 4 0 R /ID [{id} {id}] >>\nstartxref\n{table}\n%%EOF\n");
    pdf.extend_from_slice(trailer.as_bytes());
    pdf
}
