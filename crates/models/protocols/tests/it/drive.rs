//! The code under test, called the way the gateway calls it.

use std::collections::BTreeSet;

use bytes::BytesMut;
use septet_protocols::{
    Answer, Block, Context, Decoder, Delta, Dialect, Encoder, Event, Failure, Framer, Framing, Unreadable, anthropic,
    bedrock, chat, cohere, gemini, ollama, responses,
};
use serde_json::Value;

// Chunks as the network might cut them.
const CHUNKS: [usize; 8] = [1, 7, 3, 64, 1_000, 13, 2, 4_096];

fn decoder(dialect: Dialect) -> Box<dyn Decoder> {
    match dialect {
        Dialect::Chat => Box::new(chat::ChatDecoder::default()),
        Dialect::Anthropic => Box::new(anthropic::AnthropicDecoder::default()),
        Dialect::Bedrock => Box::new(bedrock::BedrockDecoder::default()),
        Dialect::Ollama => Box::new(ollama::OllamaDecoder::default()),
        Dialect::Cohere => Box::new(cohere::CohereDecoder::default()),
        Dialect::Responses => Box::new(responses::ResponsesDecoder::default()),
        Dialect::Gemini => Box::new(gemini::GeminiDecoder::default()),
    }
}

/// Reads a whole answer.
pub(crate) fn decode_answer(dialect: Dialect, body: &Value) -> Result<Answer, Unreadable> {
    match dialect {
        Dialect::Chat => chat::decode_answer(body),
        Dialect::Anthropic => anthropic::decode_answer(body),
        Dialect::Bedrock => bedrock::decode_answer(body),
        Dialect::Ollama => ollama::decode_answer(body),
        Dialect::Cohere => cohere::decode_answer(body),
        Dialect::Responses => responses::decode_answer(body),
        Dialect::Gemini => gemini::decode_answer(body),
    }
}

/// Reads a refusal.
pub(crate) fn decode_failure(dialect: Dialect, status: u16, body: &Value) -> Failure {
    match dialect {
        Dialect::Chat => chat::decode_failure(status, body),
        Dialect::Anthropic => anthropic::decode_failure(status, body),
        Dialect::Bedrock => bedrock::decode_failure(status, body),
        Dialect::Ollama => ollama::decode_failure(status, body),
        Dialect::Cohere => cohere::decode_failure(status, body),
        Dialect::Responses => responses::decode_failure(status, body),
        Dialect::Gemini => gemini::decode_failure(status, body),
    }
}

/// Writes a whole answer.
pub(crate) fn encode_answer(client: Dialect, answer: &Answer) -> Value {
    match client {
        Dialect::Chat => chat::encode_answer(answer, &context()),
        Dialect::Anthropic => anthropic::encode_answer(answer, &context()),
        Dialect::Responses => responses::encode_answer(answer, &context()),
        _ => unreachable!("no client speaks {client:?}"),
    }
}

/// Writes a refusal.
pub(crate) fn encode_failure(client: Dialect, failure: &Failure) -> Value {
    match client {
        Dialect::Chat => chat::encode_failure(failure),
        Dialect::Anthropic => anthropic::encode_failure(failure),
        Dialect::Responses => responses::encode_failure(failure),
        _ => unreachable!("no client speaks {client:?}"),
    }
}

fn encoder(client: Dialect) -> Box<dyn Encoder> {
    match client {
        Dialect::Chat => Box::new(chat::ChatEncoder::new(context())),
        Dialect::Anthropic => Box::new(anthropic::AnthropicEncoder::new(context())),
        Dialect::Responses => Box::new(responses::ResponsesEncoder::new(context())),
        _ => unreachable!("no client speaks {client:?}"),
    }
}

fn context() -> Context {
    Context {
        id: "answer-1".to_owned(),
        model: "route-1".to_owned(),
        created: 1_700_000_000,
        wants_usage: true,
        ..Context::default()
    }
}

/// Reads a stream: its events, and why it could not be read to its end.
pub(crate) fn decode_stream(dialect: Dialect, framing: Framing, bytes: &[u8]) -> (Vec<Event>, Option<Unreadable>) {
    let (mut chunks, mut rest) = (Vec::new(), bytes);
    for size in CHUNKS.iter().cycle() {
        let (chunk, after) = rest.split_at((*size).min(rest.len()));
        rest = after;
        chunks.push(chunk);
        if rest.is_empty() {
            break;
        }
    }
    decode_chunks(dialect, framing, &chunks)
}

/// Reads a stream that the network cuts so.
pub(crate) fn decode_chunks(dialect: Dialect, framing: Framing, chunks: &[&[u8]]) -> (Vec<Event>, Option<Unreadable>) {
    let (mut framer, mut decoder) = (Framer::new(framing), decoder(dialect));
    let (mut events, mut frames) = (Vec::new(), Vec::new());
    for chunk in chunks.iter().map(Some).chain([None]) {
        let framed = match chunk {
            Some(chunk) => framer.push(chunk, &mut frames),
            None => framer.end(&mut frames),
        };
        // What came whole before the damage counts.
        for frame in frames.drain(..) {
            match decoder.frame(&frame) {
                Ok(more) => events.extend(more),
                Err(error) => return (events, Some(error)),
            }
        }
        if let Err(error) = framed {
            return (events, Some(error));
        }
    }
    match decoder.end() {
        Ok(more) => events.extend(more),
        Err(error) => return (events, Some(error)),
    }
    (events, None)
}

/// Writes a stream as its bytes.
pub(crate) fn encode_stream(client: Dialect, events: &[Event]) -> Vec<u8> {
    let (mut encoder, mut frames) = (encoder(client), Vec::new());
    for event in events {
        encoder.event(event, &mut frames);
    }
    encoder.end(&mut frames);
    let mut bytes = BytesMut::new();
    frames.iter().for_each(|frame| frame.write_sse(&mut bytes));
    bytes.to_vec()
}

/// Breaches of the order that events keep.
pub(crate) fn disorder(events: &[Event]) -> Vec<String> {
    let mut wrongs = Vec::new();
    let (mut opened, mut open, mut finished) = (BTreeSet::new(), Vec::new(), BTreeSet::new());
    for (at, event) in events.iter().enumerate() {
        let mut wrong = |what: &str| wrongs.push(format!("event {at}: {what}: {event:?}").chars().take(200).collect());
        if (at == 0) != matches!(event, Event::Start(_)) && (at == 0 || matches!(event, Event::Start(_))) {
            wrong("a start must come first and once");
        }
        if at > 0 && matches!(events[at - 1], Event::Failed(_)) {
            wrong("something after the failure");
        }
        match event {
            Event::Open(place, block) => {
                let before = opened.range(..).filter(|known: &&(u32, u32)| known.0 == place.choice).count();
                if !opened.insert((place.choice, place.block)) || usize::try_from(place.block) != Ok(before) {
                    wrong("a place out of order");
                }
                let beside = |(other, is_call): &(septet_protocols::Place, bool)| {
                    other.choice == place.choice && !(*is_call && matches!(block, Block::Call { .. }))
                };
                if open.iter().any(beside)
                    && open.iter().any(|(other, is_call)| other.choice == place.choice && !is_call)
                {
                    wrong("opened while text or thinking is open");
                }
                if matches!(block, Block::Call { id, .. } if id.is_empty()) {
                    wrong("a call without id");
                }
                open.push((*place, matches!(block, Block::Call { .. })));
            }
            Event::Delta(place, delta) => match open.iter().find(|(other, _)| other == place) {
                None => wrong("a delta to what is not open"),
                Some((_, true)) if matches!(delta, Delta::Text(_)) => wrong("text in a call"),
                Some((_, false)) if matches!(delta, Delta::Arguments(_)) => wrong("arguments out of a call"),
                Some(_) => {}
            },
            Event::Close(place) => match open.iter().position(|(other, _)| other == place) {
                Some(at) => drop(open.remove(at)),
                None => wrong("closed what is not open"),
            },
            Event::Finish { choice, .. } => {
                if open.iter().any(|(place, _)| place.choice == *choice) || !finished.insert(*choice) {
                    wrong("finished with open blocks or twice");
                }
            }
            Event::Start(_) | Event::Usage(_) | Event::Facts(_) | Event::Failed(_) => {}
        }
    }
    wrongs
}
