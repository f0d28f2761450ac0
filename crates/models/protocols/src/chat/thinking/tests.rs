use serde_json::{Value, json};

use super::*;
use crate::chat::{decode_request, encode_request};
use crate::dialect::{Dialect, Quirks};
use crate::error::Wrong;

fn read_all(fields: Value) -> Result<(Reasoning, Map<String, Value>), Wrong> {
    let mut fields = fields.as_object().cloned().unwrap();
    let said = read(&mut fields)?.unwrap_or_default();
    Ok((said, fields))
}

/// What a provider with these words is told, and what is dropped.
fn told(said: &Reasoning, how: Thinking, model: &str) -> (Value, Vec<String>) {
    let (mut body, mut dropped) = (Map::new(), Vec::new());
    let asked = Asked { model, max_output: None, field: "thinking", insists: true };
    write(said, how, asked, &mut body, &mut dropped);
    (Value::Object(body), dropped)
}

#[test]
fn no_and_yes_and_how_much_are_read_in_every_providers_words() {
    for off in [
        json!({"reasoning_effort": "none"}),
        json!({"thinking": {"type": "disabled"}}),
        json!({"thinking": false}),
        json!({"enable_thinking": false}),
        json!({"reasoning": {"enabled": false}}),
        json!({"reasoning": {"effort": "none"}}),
        json!({"chat_template_kwargs": {"enable_thinking": false}}),
        json!({"chat_template_kwargs": {"thinking": false}}),
        json!({"disable_reasoning": true}),
        // One no is enough.
        json!({"reasoning_effort": "high", "enable_thinking": false, "thinking_budget": 9}),
    ] {
        let (said, left) = read_all(off.clone()).unwrap();
        assert!(said.is_off() && !said.is_asked() && left.is_empty(), "{off}: {said:?}");
    }
    for on in [
        json!({"thinking": {"type": "enabled"}}),
        json!({"thinking": {"type": "adaptive"}}),
        json!({"enable_thinking": true}),
        json!({"reasoning": {"enabled": true}}),
        json!({"reasoning_effort": "default"}),
        json!({"chat_template_kwargs": {"enable_thinking": true}}),
    ] {
        let (said, left) = read_all(on.clone()).unwrap();
        assert!(said.is_asked() && said.word().is_none() && left.is_empty(), "{on}: {said:?}");
    }
    for (much, effort, budget, field) in [
        (json!({"reasoning_effort": "high"}), Some(Effort::High), None, ""),
        (json!({"reasoning": {"effort": "low"}}), Some(Effort::Low), None, "reasoning"),
        (json!({"reasoning": {"max_tokens": 700}}), None, Some(700), "reasoning"),
        (json!({"thinking": {"type": "enabled", "budget_tokens": 700}}), None, Some(700), "thinking"),
        (json!({"enable_thinking": true, "thinking_budget": 700}), None, Some(700), "enable_thinking"),
        (json!({"thinking_budget": 700}), None, Some(700), "thinking_budget"),
    ] {
        let (said, _) = read_all(much.clone()).unwrap();
        assert_eq!((said.effort, said.budget, said.field, said.is_asked()), (effort, budget, field, true), "{much}");
    }
}

#[test]
fn what_nobody_understands_stays_and_what_is_wrong_is_named() {
    let odd = json!({"thinking": {"type": "odd"}, "reasoning": "much", "enable_thinking": "yes",
        "chat_template_kwargs": {"enable_thinking": true, "add_generation_prompt": false}});
    let (said, left) = read_all(odd).unwrap();
    assert!(said.is_asked());
    let kept = json!({"thinking": {"type": "odd"}, "reasoning": "much", "enable_thinking": "yes",
        "chat_template_kwargs": {"add_generation_prompt": false}});
    assert_eq!(Value::Object(left), kept);
    for (wrong, param) in [
        (json!({"reasoning_effort": "huge"}), "reasoning_effort"),
        (json!({"reasoning": {"effort": 3}}), "reasoning.effort"),
        (json!({"thinking_budget": -1}), "thinking_budget"),
        (json!({"thinking": {"type": "enabled", "budget_tokens": "x"}}), "thinking.budget_tokens"),
    ] {
        let Err(Wrong::Field { param: named, .. }) = read_all(wrong) else { panic!("{param} is read") };
        assert_eq!(named, param);
    }
    assert_eq!(read(&mut Map::new()).unwrap(), None);
}

#[test]
fn to_hide_thinking_is_not_to_ask_for_it() {
    for said in [json!({"reasoning": {"exclude": true}}), json!({"include_reasoning": false})] {
        let (said, _) = read_all(said).unwrap();
        assert!(said.is_hidden && !said.is_asked() && !said.is_off());
        assert_eq!(told(&said, Thinking::Object, "m"), (json!({"reasoning": {"exclude": true}}), vec![]));
        assert_eq!(told(&said, Thinking::Groq, "qwen/qwen3-32b").0, json!({"reasoning_format": "hidden"}));
        assert_eq!(told(&said, Thinking::Groq, "openai/gpt-oss-20b").0, json!({"include_reasoning": false}));
        assert_eq!(told(&said, Thinking::Switch, "glm-4.6"), (json!({}), vec!["reasoning.exclude".to_owned()]));
        assert_eq!(told(&said, Thinking::Effort, "gpt-5.4"), (json!({}), vec![]));
    }
}

#[test]
fn every_provider_is_told_in_its_own_words() {
    let off = Reasoning { effort: Some(Effort::None), ..Reasoning::default() };
    let on = Reasoning { is_on: true, ..Reasoning::default() };
    let high = Reasoning { effort: Some(Effort::High), ..Reasoning::default() };
    let some = Reasoning { budget: Some(2_000), ..Reasoning::default() };
    let kwargs = |on: bool| json!({"chat_template_kwargs": {"enable_thinking": on, "thinking": on}});
    for (how, model, [no, yes, much, tokens]) in [
        (
            Thinking::Effort,
            "gpt-5.4",
            [
                json!({"reasoning_effort": "none"}),
                json!({"reasoning_effort": "medium"}),
                json!({"reasoning_effort": "high"}),
                json!({"reasoning_effort": "low"}),
            ],
        ),
        (
            Thinking::Object,
            "anthropic/claude-sonnet-4.6",
            [
                json!({"reasoning": {"enabled": false}}),
                json!({"reasoning": {"enabled": true}}),
                json!({"reasoning": {"effort": "high"}}),
                json!({"reasoning": {"max_tokens": 2000}}),
            ],
        ),
        (
            Thinking::Enable,
            "qwen-plus",
            [
                json!({"enable_thinking": false}),
                json!({"enable_thinking": true}),
                json!({"enable_thinking": true, "thinking_budget": 13107}),
                json!({"enable_thinking": true, "thinking_budget": 2000}),
            ],
        ),
        (
            Thinking::Switch,
            "deepseek-v4-pro",
            [
                json!({"thinking": {"type": "disabled"}}),
                json!({"thinking": {"type": "enabled"}}),
                json!({"thinking": {"type": "enabled"}, "reasoning_effort": "high"}),
                json!({"thinking": {"type": "enabled"}, "reasoning_effort": "low"}),
            ],
        ),
        (Thinking::Template, "Qwen/Qwen3-8B", [kwargs(false), kwargs(true), kwargs(true), kwargs(true)]),
        (
            Thinking::Together,
            "deepseek-ai/DeepSeek-V3.1",
            [
                json!({"reasoning": {"enabled": false}}),
                json!({"reasoning": {"enabled": true}, "reasoning_effort": "medium"}),
                json!({"reasoning": {"enabled": true}, "reasoning_effort": "high"}),
                json!({"reasoning": {"enabled": true}, "reasoning_effort": "low"}),
            ],
        ),
        (
            Thinking::Groq,
            "qwen/qwen3-32b",
            [
                json!({"reasoning_effort": "none"}),
                json!({"reasoning_effort": "default", "reasoning_format": "parsed"}),
                json!({"reasoning_effort": "default", "reasoning_format": "parsed"}),
                json!({"reasoning_effort": "default", "reasoning_format": "parsed"}),
            ],
        ),
        (
            Thinking::Mistral,
            "mistral-medium-latest",
            [
                json!({"reasoning_effort": "none"}),
                json!({"reasoning_effort": "high"}),
                json!({"reasoning_effort": "high"}),
                json!({"reasoning_effort": "high"}),
            ],
        ),
    ] {
        for (said, expected) in [(&off, no), (&on, yes), (&high, much), (&some, tokens)] {
            assert_eq!(told(said, how, model), (expected, vec![]), "{how:?} {said:?}");
        }
    }
}

#[test]
fn a_model_that_does_not_think_is_not_told_to_and_that_is_said() {
    let high = Reasoning { effort: Some(Effort::High), ..Reasoning::default() };
    let off = Reasoning { effort: Some(Effort::None), ..Reasoning::default() };
    for (how, model) in [
        (Thinking::Effort, "gpt-4.1"),
        (Thinking::Mistral, "magistral-medium-2509"),
        (Thinking::Xai, "grok-code-fast-1"),
    ] {
        assert_eq!(told(&high, how, model), (json!({}), vec!["thinking".to_owned()]), "{model}");
        assert_eq!(told(&off, how, model), (json!({}), vec![]), "{model}");
    }
}

#[test]
fn a_clients_own_words_reach_every_dialect() {
    let ask = |thinking: Value, model: &str| {
        let mut body = json!({"model": model, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 9000});
        body.as_object_mut().unwrap().extend(thinking.as_object().cloned().unwrap());
        decode_request(&body).unwrap()
    };
    let encoded = |target: Dialect, thinking: Value, model: &str| {
        let encoded = target.encode_request(&ask(thinking, model), &Quirks::default());
        assert_eq!(encoded.dropped, Vec::<String>::new());
        encoded.body
    };
    let (yes, no) = (json!({"enable_thinking": true}), json!({"thinking": {"type": "disabled"}}));
    assert_eq!(encoded(Dialect::Anthropic, yes.clone(), "claude-opus-4-6")["thinking"], json!({"type": "adaptive"}));
    assert_eq!(encoded(Dialect::Anthropic, no.clone(), "claude-opus-4-6")["thinking"], json!({"type": "disabled"}));
    let config =
        |said: Value| encoded(Dialect::Gemini, said, "gemini-2.5-flash")["generationConfig"]["thinkingConfig"].clone();
    assert_eq!(config(yes.clone()), json!({"thinkingBudget": -1, "includeThoughts": true}));
    assert_eq!(config(no.clone()), json!({"thinkingBudget": 0}));
    assert_eq!(
        config(json!({"reasoning": {"max_tokens": 512, "exclude": true}})),
        json!({"thinkingBudget": 512, "includeThoughts": false})
    );
    assert_eq!(encoded(Dialect::Ollama, yes.clone(), "qwen3")["think"], true);
    assert_eq!(encoded(Dialect::Ollama, no.clone(), "qwen3")["think"], false);
    assert_eq!(encoded(Dialect::Cohere, no.clone(), "command-a")["thinking"], json!({"type": "disabled"}));
    assert_eq!(encoded(Dialect::Responses, yes, "gpt-5.4")["reasoning"]["effort"], "medium");
    assert_eq!(encoded(Dialect::Responses, no, "gpt-5.4")["reasoning"]["effort"], "none");
}

#[test]
fn thinking_of_anthropics_clients_reaches_every_kind() {
    let body = json!({"model": "m", "max_tokens": 9000, "messages": [{"role": "user", "content": "hi"}],
        "thinking": {"type": "enabled", "budget_tokens": 4000}});
    let request = crate::anthropic::decode_request(&body).unwrap();
    for (how, name, expected) in [
        (Thinking::Effort, "reasoning_effort", json!("medium")),
        (Thinking::Said, "reasoning_effort", json!("medium")),
        (Thinking::Object, "reasoning", json!({"max_tokens": 4000})),
        (Thinking::Enable, "thinking_budget", json!(4000)),
        (Thinking::Switch, "thinking", json!({"type": "enabled"})),
        (Thinking::Template, "chat_template_kwargs", json!({"enable_thinking": true, "thinking": true})),
    ] {
        let encoded = encode_request(&request, &Quirks { thinking: how, ..Quirks::default() });
        assert_eq!((&encoded.body[name], encoded.dropped), (&expected, vec![]), "{how:?}");
    }
}
