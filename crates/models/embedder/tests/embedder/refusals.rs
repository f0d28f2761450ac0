//! A folder that does not hold what it should is refused, with the file and what is wrong with it.

use std::fs;

use septet_embedder::Model;
use septet_kernel::causes;
use serde_json::json;

use crate::tiny::Tiny;

#[track_caller]
fn is_refused(tiny: &Tiny, file: &str, problem: &str) {
    let refusal = causes(&Model::load(tiny.path()).unwrap_err());

    assert!(refusal.contains(file), "{refusal}");
    assert!(refusal.contains(problem), "{refusal}");
}

#[test]
fn a_missing_file_is_named() {
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        let tiny = Tiny::bert().write();
        fs::remove_file(tiny.path().join(file)).unwrap();
        is_refused(&tiny, file, "No such file");
    }
    let refusal = Model::load("/no/such/model").unwrap_err();
    assert!(refusal.to_string().starts_with("cannot read /no/such/model"), "{refusal}");
}

#[test]
fn a_file_of_another_kind_is_named_and_breaks_nothing() {
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        for content in [&b""[..], b"{}", b"null", b"version https://git-lfs.github.com/spec/v1", &[0xff; 64], &[0; 64]]
        {
            let tiny = Tiny::bert().write();
            fs::write(tiny.path().join(file), content).unwrap();
            is_refused(&tiny, file, "");
        }
    }
}

#[test]
fn a_model_that_would_be_computed_wrongly_is_refused() {
    let settings = [
        ("model_type", json!("distilbert"), "model_type \"distilbert\" is not known"),
        ("position_embedding_type", json!("relative_key"), "position_embedding_type"),
        ("hidden_act", json!("silu"), "hidden_act \"silu\""),
        ("is_decoder", json!(true), "is_decoder"),
        ("num_attention_heads", json!(5), "num_attention_heads"),
        ("num_attention_heads", json!(0), "num_attention_heads"),
        ("max_position_embeddings", json!(2), "only 2 tokens"),
        ("hidden_size", json!(-1), "invalid value"),
    ];
    for (key, value, problem) in settings {
        let tiny = Tiny::bert().write();
        let mut config = tiny.config.clone();
        config[key] = value;
        is_refused(&tiny.with("config.json", &config), "config.json", problem);
    }
    let modules = json!([{ "path": "2_Dense", "type": "sentence_transformers.models.Dense" }]);
    is_refused(&Tiny::bert().write().with("modules.json", &modules), "modules.json", "\"Dense\" is not known");
    for pooling in [
        json!({ "pooling_mode_max_tokens": true }),
        json!({ "pooling_mode_mean_tokens": true, "pooling_mode_cls_token": true }),
        json!({ "pooling_mode": "lasttoken" }),
        json!({}),
    ] {
        let tiny = Tiny::bert().write().with("1_Pooling/config.json", &pooling);
        is_refused(&tiny, "1_Pooling/config.json", "is not known");
    }
}

#[test]
fn weights_that_do_not_fit_the_settings_are_refused() {
    let settings = [
        ("vocab_size", 50, "word_embeddings.weight has the shape [48, 32]; by config.json it would be [50, 32]"),
        ("num_hidden_layers", 3, "encoder.layer.2.attention.self.query.weight is missing"),
        ("intermediate_size", 65, "has the shape"),
    ];
    for (key, value, problem) in settings {
        let tiny = Tiny::bert().write();
        let mut config = tiny.config.clone();
        config[key] = json!(value);
        is_refused(&tiny.with("config.json", &config), "model.safetensors", problem);
    }
    let tiny = Tiny::bert().set("vocab_size", json!(30)).write();
    is_refused(&tiny, "tokenizer.json", "they do not belong together");
}

#[test]
fn weights_cut_short_at_any_place_are_refused() {
    let tiny = Tiny::bert().write();
    let file = tiny.path().join("model.safetensors");
    let whole = fs::read(&file).unwrap();
    for n_bytes in (0..16).chain((16..whole.len()).step_by(997)).chain([whole.len() - 1]) {
        fs::write(&file, &whole[..n_bytes]).unwrap();
        is_refused(&tiny, "model.safetensors", "");
    }
}

#[test]
fn weights_that_are_no_numbers_give_no_vectors() {
    let tiny = Tiny::bert().write();
    let file = tiny.path().join("model.safetensors");
    let mut bytes = fs::read(&file).unwrap();
    let n_bytes = bytes.len();
    bytes[n_bytes - 100_000.min(n_bytes / 2)..].fill(0xff);
    fs::write(&file, bytes).unwrap();
    let model = Model::load(tiny.path()).unwrap();

    let refusal = model.embed(&["the cat".to_owned()], 1).unwrap_err();

    assert_eq!(
        refusal.to_string(),
        "no vector comes out for text 0; do tokenizer.json and model.safetensors belong together?"
    );
}
