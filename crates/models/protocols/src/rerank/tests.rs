use serde_json::{Value, json};

use super::*;
use crate::Context;

fn ask() -> Request {
    let body = json!({"model": "m", "query": "q", "documents": ["a", {"text": "b"}, "c"], "top_n": 2,
        "return_documents": true});
    decode_request(&body).unwrap()
}

#[test]
fn each_provider_is_asked_in_its_own_words() {
    let texts = json!(["a", "b", "c"]);
    for (api, body) in [
        (Api::Cohere, json!({"model": "m", "query": "q", "documents": texts, "top_n": 2})),
        (Api::Voyage, json!({"model": "m", "query": "q", "documents": texts, "top_k": 2})),
        (
            Api::DashScope,
            json!({"model": "m", "input": {"query": "q", "documents": texts},
                "parameters": {"top_n": 2, "return_documents": false}}),
        ),
        (Api::Texts, json!({"query": "q", "texts": texts, "truncate": true})),
    ] {
        assert_eq!(encode_request(&ask(), api).body, body, "{api:?}");
    }
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (body, says) in [
        (json!({"documents": ["a"]}), "query is missing"),
        (json!({"query": "q"}), "documents must be a list of texts"),
        (json!({"query": "q", "documents": []}), "documents must not be empty"),
        (json!({"query": "q", "documents": ["a", {"image": "x"}]}), "documents[1] must be text or have a text"),
        (json!({"query": "q", "documents": ["a"], "top_n": -1}), "top_n must be a whole number above 0"),
    ] {
        assert_eq!(decode_request(&body).unwrap_err().to_string(), says);
    }
}

#[test]
fn ranks_and_figures_are_found_in_every_shape() {
    let ranks = json!([{"index": 2, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.1}]);
    let tokens = json!({"total_tokens": 12});
    for (api, body, input) in [
        (Api::Cohere, json!({"results": ranks, "meta": {"billed_units": {"search_units": 1}}}), None),
        (Api::Jina, json!({"results": ranks, "usage": tokens}), Some(12)),
        (Api::Voyage, json!({"data": ranks, "usage": tokens}), Some(12)),
        (Api::DashScope, json!({"output": {"results": ranks}, "usage": tokens}), Some(12)),
        (Api::Texts, json!([{"index": 0, "score": 0.1}, {"index": 2, "score": 0.9}]), None),
    ] {
        let answer = decode_answer(api, &body).unwrap();
        assert_eq!(answer.ranks, [Rank { index: 2, score: 0.9 }, Rank { index: 0, score: 0.1 }], "{api:?}");
        assert_eq!(answer.usage.map(|usage| usage.input), input, "{api:?}");
        assert!(decode_answer(api, &json!({"message": "no"})).is_err());
    }
}

#[test]
fn the_client_gets_no_more_than_it_asked_for_with_the_texts_it_sent() {
    let said: Value = json!([{"index": 0, "score": 0.1}, {"index": 2, "score": 0.9}, {"index": 1, "score": 0.5}]);
    let answer = decode_answer(Api::Texts, &said).unwrap();
    let body = encode_answer(&answer, &ask(), &Context { model: "m".to_owned(), ..Context::default() });
    assert_eq!(
        body["results"],
        json!([{"index": 2, "relevance_score": 0.9, "document": {"text": "c"}},
            {"index": 1, "relevance_score": 0.5, "document": {"text": "b"}}])
    );
}
