//! How fast a model of a common size is. Times are printed; nothing depends on them.

use std::time::Instant;

use septet_embedder::Model;
use serde_json::json;

use crate::tiny::Tiny;

/// What this thread has computed so far; on a busy machine the clock on the wall says little.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1e9
}

#[test]
fn a_model_of_six_layers_embeds_many_sentences() {
    let tiny = Tiny::bert()
        .set("hidden_size", json!(384))
        .set("num_hidden_layers", json!(6))
        .set("num_attention_heads", json!(12))
        .set("intermediate_size", json!(1536))
        .set("max_position_embeddings", json!(512))
        .write();
    let start = Instant::now();
    let model = Model::load(tiny.path()).unwrap();
    eprintln!("loaded in {:?}", start.elapsed());
    let sentence = "the cat sat on the mat and a dog is not in the middle of the word".to_owned();
    let n_tokens = model.n_tokens(&sentence).unwrap();

    for n_threads in [1, 2] {
        let sentences = vec![sentence.clone(); 64];
        let (start, cpu) = (Instant::now(), cpu_seconds());
        let embedded = model.embed(&sentences, n_threads).unwrap();
        let (seconds, cpu) = (start.elapsed().as_secs_f64(), cpu_seconds() - cpu);
        let per_second = 64.0 / seconds;
        eprintln!(
            "{n_threads} threads: {per_second:.0} sentences of {n_tokens} tokens a second; first thread {cpu:.3} s of CPU"
        );
        assert_eq!(embedded.len(), 64);
    }
    let start = Instant::now();
    let alone = model.embed(std::slice::from_ref(&sentence), 1).unwrap();
    eprintln!("one sentence alone: {:?}", start.elapsed());
    let long = vec![sentence.repeat(40); 2];
    let start = Instant::now();
    model.embed(&long, 2).unwrap();
    eprintln!("two texts of 512 tokens on 2 threads: {:?}", start.elapsed());

    assert_eq!(alone[0].len(), 384);
}
