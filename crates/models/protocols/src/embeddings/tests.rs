use serde_json::{Value, json};

use super::*;
use crate::Context;

fn read(body: Value) -> Request {
    decode_request(&body).unwrap()
}

#[test]
fn texts_and_token_ids_are_told_apart() {
    assert_eq!(read(json!({"model": "m", "input": "a"})).input, Input::Texts(vec!["a".to_owned()]));
    assert_eq!(read(json!({"model": "m", "input": [1, 2]})).input, Input::Tokens(vec![vec![1, 2]]));
    assert_eq!(read(json!({"model": "m", "input": [[1], [2]]})).input, Input::Tokens(vec![vec![1], vec![2]]));
    for (body, says) in [
        (json!({"model": "m"}), "input is missing"),
        (json!({"input": []}), "input must not be empty"),
        (json!({"input": ["a", 1]}), "input[1] must be text like the first"),
        (json!({"input": [[1], []]}), "input[1] must be a list of token ids"),
        (json!({"input": [1.5]}), "input must hold token ids only"),
        (json!({"input": "a", "dimensions": 0}), "dimensions must be a whole number above 0"),
        (json!({"input": "a", "encoding_format": "hex"}), "encoding_format must be float or base64"),
    ] {
        assert_eq!(decode_request(&body).unwrap_err().to_string(), says);
    }
}

#[test]
fn each_provider_is_asked_in_its_own_words() {
    let request = read(json!({"model": "m", "input": ["a", "b"], "dimensions": 8, "input_type": "query"}));
    let bodies = |api| -> Vec<Value> {
        encode_request(&request, api).unwrap().into_iter().map(|encoded| encoded.body).collect()
    };
    let one = |text: &str| {
        json!({"model": "models/m", "content": {"parts": [{"text": text}]}, "taskType": "RETRIEVAL_QUERY",
            "outputDimensionality": 8})
    };
    let texts = json!(["a", "b"]);
    assert_eq!(
        bodies(Api::Voyage),
        [json!({"model": "m", "input": texts, "output_dimension": 8, "input_type": "query"})]
    );
    assert_eq!(
        bodies(Api::Cohere),
        [json!({"model": "m", "texts": texts, "input_type": "search_query", "embedding_types": ["float"],
            "output_dimension": 8})]
    );
    assert_eq!(bodies(Api::Gemini), [json!({"requests": [one("a"), one("b")]})]);
    assert_eq!(bodies(Api::Ollama), [json!({"model": "m", "input": texts, "dimensions": 8})]);
    assert_eq!(
        bodies(Api::Titan),
        [json!({"inputText": "a", "dimensions": 8}), json!({"inputText": "b", "dimensions": 8})]
    );
    assert_eq!(encode_request(&request, Api::Titan).unwrap()[0].dropped, ["input_type"]);
}

#[test]
fn token_ids_are_refused_where_they_mean_nothing() {
    let request = read(json!({"model": "m", "input": [1, 2]}));
    assert_eq!(encode_request(&request, Api::OpenAi).unwrap()[0].body["input"], json!([[1, 2]]));
    let refused = encode_request(&request, Api::Cohere).unwrap_err();
    assert_eq!(refused.to_string(), "input holds token ids, which \"m\" cannot be sent to; send texts");
}

#[test]
fn vectors_and_figures_are_found_in_every_shape() {
    let vector = json!([0.5, -1.0]);
    for (api, body) in [
        (
            Api::OpenAi,
            json!({"data": [{"index": 0, "embedding": vector}], "usage": {"prompt_tokens": 3, "total_tokens": 3}}),
        ),
        (Api::Voyage, json!({"data": [{"index": 0, "embedding": "AAAAPwAAgL8="}], "usage": {"total_tokens": 3}})),
        (Api::Cohere, json!({"embeddings": {"float": [vector]}, "meta": {"billed_units": {"input_tokens": 3}}})),
        (Api::BedrockCohere, json!({"embeddings": [vector], "meta": {"billed_units": {"input_tokens": 3}}})),
        (Api::Gemini, json!({"embeddings": [{"values": vector}], "usageMetadata": {"promptTokenCount": 3}})),
        (Api::Vertex, json!({"predictions": [{"embeddings": {"values": vector, "statistics": {"token_count": 3}}}]})),
        (Api::Ollama, json!({"embeddings": [vector], "prompt_eval_count": 3})),
        (Api::Titan, json!({"embedding": vector, "inputTextTokenCount": 3})),
    ] {
        let answer = decode_answer(api, &body).unwrap();
        assert_eq!((answer.vectors, answer.usage.unwrap().input), (vec![vec![0.5, -1.0]], 3), "{api:?}");
        assert!(decode_answer(api, &json!({"message": "no"})).is_err(), "{api:?}");
    }
}

#[test]
fn the_client_gets_openais_shape_in_the_order_of_its_texts() {
    let body = json!({"data": [{"index": 1, "embedding": [1.0]}, {"index": 0, "embedding": [0.5]}], "model": "big"});
    let mut answer = decode_answer(Api::OpenAi, &body).unwrap();
    let next = json!({"embedding": [2.0], "inputTextTokenCount": 4});
    answer.append(decode_answer(Api::Titan, &next).unwrap());
    let item = |index: u64, number: f64| json!({"object": "embedding", "index": index, "embedding": [number]});
    assert_eq!(
        encode_answer(&answer, false, &Context::default()),
        json!({"object": "list", "model": "big", "data": [item(0, 0.5), item(1, 1.0), item(2, 2.0)],
            "usage": {"prompt_tokens": 4, "total_tokens": 4}})
    );
    assert_eq!(encode_answer(&answer, true, &Context::default())["data"][0]["embedding"], "AAAAPw==");
}
