//! What the form of a proof tells of its maker.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{GeneralPurposeConfig, STANDARD};

use crate::dialect::Dialect;

// More than the heads of all known forms.
const HEAD: usize = 48;

/// The maker of a proof that is of a known form.
pub(super) fn maker(text: &str) -> Option<Dialect> {
    // Version 128 of a token and a time before the year 2106.
    if text.starts_with("gAAAA") {
        return Some(Dialect::Responses);
    }
    let head = head(text)?;
    // Bedrock wraps Anthropic's sealed thinking, which is base64, in base64 once more.
    if head.iter().take(20).all(|byte| byte.is_ascii_graphic())
        && let Some(maker) = std::str::from_utf8(&head).ok().and_then(self::head).as_deref().and_then(buffer)
    {
        return Some(maker);
    }
    buffer(&head)
}

/// Whether it is what Google's older models and Vertex AI give: the bytes themselves, which begin with a 1. So does one
/// in two hundred arbitrary proofs, so this is only used where no other form matches.
pub(super) fn is_raw_googles(text: &str) -> bool {
    text.len() > 64 && head(text).is_some_and(|head| head.first() == Some(&1))
}

/// Whether it is long, and in base64.
pub(super) fn is_like_anthropics(text: &str) -> bool {
    text.len() >= 100 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte))
}

/// Reads the beginning of a protocol buffer: a field 2 or none around a field 1, in which Anthropic has numbers and
/// Google has bytes that begin with a 1, maybe in a field 2 of their own. Either may begin with a version.
fn buffer(bytes: &[u8]) -> Option<Dialect> {
    let bytes = after_number(bytes);
    let (is_wrapped, bytes) = match bytes {
        [0x12, rest @ ..] => (true, after_length(rest)?),
        other => (false, other),
    };
    let [0x0a, rest @ ..] = bytes else { return None };
    match after_length(rest)? {
        [0x01, ..] => Some(Dialect::Gemini),
        [0x18, ..] if is_wrapped => Some(Dialect::Anthropic),
        inner @ [0x08, ..] if is_wrapped => match after_number(inner) {
            [0x12, rest @ ..] => matches!(after_length(rest)?, [0x01, ..]).then_some(Dialect::Gemini),
            [0x10 | 0x18, ..] => Some(Dialect::Anthropic),
            _ => None,
        },
        _ => None,
    }
}

/// What follows a field 1 that is a number, if it begins with one.
fn after_number(bytes: &[u8]) -> &[u8] {
    match bytes {
        [0x08, rest @ ..] => after_length(rest).unwrap_or_default(),
        other => other,
    }
}

/// What follows a number of seven bits a byte.
fn after_length(bytes: &[u8]) -> Option<&[u8]> {
    let last = bytes.iter().take(5).position(|byte| byte & 0x80 == 0)?;
    bytes.get(last + 1..)
}

fn head(text: &str) -> Option<Vec<u8>> {
    let plain: String = text
        .chars()
        .take(HEAD)
        .map(|c| {
            if c == '-' {
                '+'
            } else if c == '_' {
                '/'
            } else {
                c
            }
        })
        .collect();
    let whole = plain.trim_end_matches('=');
    // What is cut in the middle of a byte is no reason to refuse the rest.
    let lenient = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent),
    );
    let whole = if whole.len() % 4 == 1 { &whole[..whole.len() - 1] } else { whole };
    lenient.decode(whole).or_else(|_| STANDARD.decode(&plain)).ok()
}
