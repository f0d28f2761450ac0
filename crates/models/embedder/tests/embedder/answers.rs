//! What comes out equals what another implementation made of the same weights (`tiny/reference.py`).

use septet_embedder::{Error, Model};
use serde_json::{Value, json};

use crate::tiny::{Tiny, Width};

fn reference() -> Value {
    serde_json::from_str(include_str!("tiny/reference.json")).unwrap()
}

fn texts() -> Vec<String> {
    serde_json::from_value(reference()["texts"].clone()).unwrap()
}

fn vectors(case: &str) -> Vec<Vec<f32>> {
    serde_json::from_value(reference()[case]["vectors"].clone()).unwrap()
}

/// The largest difference between two sets of vectors.
fn distance(one: &[Vec<f32>], other: &[Vec<f32>]) -> f32 {
    assert_eq!(one.len(), other.len());
    let pairs = one.iter().flatten().zip(other.iter().flatten());
    pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[track_caller]
fn equals_the_reference(tiny: &Tiny, case: &str) {
    let model = Model::load(tiny.path()).unwrap();

    let embedded = model.embed(&texts(), 2).unwrap();

    let distance = distance(&embedded, &vectors(case));
    assert!(distance < 2e-6, "{case}: {distance}");
    let n_tokens: Vec<_> = texts().iter().map(|text| model.n_tokens(text).unwrap()).collect();
    assert_eq!(json!(n_tokens), reference()[case]["n_tokens"], "{case}");
}

#[test]
fn a_bert_with_mean_pooling_gives_the_vectors_of_the_reference() {
    equals_the_reference(&Tiny::bert().write(), "bert_mean");
}

#[test]
fn a_bert_with_pooling_by_the_first_token_gives_the_vectors_of_the_reference() {
    let pooling = json!({
        "word_embedding_dimension": 32, "pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false,
        "pooling_mode_max_tokens": false
    });
    equals_the_reference(&Tiny::bert().with("1_Pooling/config.json", &pooling).write(), "bert_cls");
    let newer = json!({ "embedding_dimension": 32, "pooling_mode": "cls" });
    let modules = json!([
        { "idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer" },
        { "idx": 1, "name": "1", "path": "2_Pooling", "type": "sentence_transformers.models.Pooling" },
        { "idx": 2, "name": "2", "path": "3_Normalize", "type": "sentence_transformers.models.Normalize" }
    ]);
    let tiny = Tiny::bert().with("modules.json", &modules).with("2_Pooling/config.json", &newer);
    equals_the_reference(&tiny.write(), "bert_cls");
}

#[test]
fn an_xlm_roberta_counts_its_places_from_behind_the_padding_as_the_reference_does() {
    equals_the_reference(&Tiny::xlm_roberta().write(), "xlm_roberta");
}

#[test]
fn the_other_gelu_gives_the_vectors_of_the_reference() {
    equals_the_reference(&Tiny::bert().set("hidden_act", json!("gelu_new")).write(), "bert_tanh");
}

#[test]
fn tensors_with_a_prefix_and_in_sixteen_bits_are_read() {
    let mut named = Tiny::bert();
    named.prefix = "bert.";
    equals_the_reference(&named.write(), "bert_mean");

    for (width, most) in [(Width::F16, 2e-3), (Width::Bf16, 3e-2)] {
        let mut narrow = Tiny::bert();
        narrow.width = width;
        let model = Model::load(narrow.write().path()).unwrap();
        let distance = distance(&model.embed(&texts(), 1).unwrap(), &vectors("bert_mean"));
        assert!(distance < most, "{distance}");
    }
}

#[test]
fn a_text_has_the_same_vector_alone_and_among_others_on_any_number_of_threads() {
    let tiny = Tiny::bert().write();
    let model = Model::load(tiny.path()).unwrap();
    let many: Vec<String> = texts().into_iter().cycle().take(200).collect();

    let together = model.embed(&many, 3).unwrap();

    for (idx, text) in texts().iter().enumerate() {
        let alone = model.embed(std::slice::from_ref(text), 8).unwrap();
        assert!(distance(&alone, &together[idx..=idx]) < 1e-6);
        assert!((alone[0].iter().map(|x| x * x).sum::<f32>() - 1.0).abs() < 1e-5);
    }
    assert!(distance(&model.embed(&many, 0).unwrap(), &together) < 1e-6);
    assert_eq!(model.embed(&[], 4).unwrap(), Vec::<Vec<f32>>::new());
}

#[test]
fn a_long_text_is_read_up_to_the_limit_and_counted_whole() {
    let notes = json!({ "max_seq_length": 6, "do_lower_case": false });
    let tiny = Tiny::bert().with("sentence_bert_config.json", &notes).write();
    let model = Model::load(tiny.path()).unwrap();
    let long = "the cat sat on ".repeat(5000);

    let embedded = model.embed(&[long.clone(), "the cat sat on".to_owned()], 1).unwrap();

    assert_eq!((model.max_tokens(), model.n_tokens(&long).unwrap()), (6, 20_002));
    assert!(distance(&embedded[..1], &embedded[1..]) < 1e-6);
}

#[test]
fn odd_texts_have_vectors_too() {
    let tiny = Tiny::xlm_roberta().write();
    let model = Model::load(tiny.path()).unwrap();
    let odd = ["\0\u{7f}\u{feff}", "</s></s><s>", "🦀🦀🦀", "\u{202e}\n\t ", &"字".repeat(5000), "<pad><pad>"];
    let odd: Vec<String> = odd.into_iter().map(str::to_owned).collect();

    let embedded = model.embed(&odd, 2).unwrap();

    assert!(embedded.iter().all(|vector| vector.len() == 32 && vector.iter().all(|x| x.is_finite())));
}

#[test]
fn a_model_tells_its_name_and_size_and_refuses_to_be_shortened() {
    let tiny = Tiny::bert().write();
    let model = Model::load(tiny.path()).unwrap();

    assert_eq!(model.name(), tiny.path().file_name().unwrap().to_str().unwrap());
    assert_eq!((model.dimensions(), model.max_tokens()), (32, 24));
    assert!(model.check_dimensions(32).is_ok());
    let refusal = model.check_dimensions(16).unwrap_err();
    assert!(matches!(refusal, Error::Dimensions { asked: 16, has: 32 }));
    assert_eq!(refusal.to_string(), "this model gives vectors of 32 numbers; it was not trained to be shortened to 16");
}
