//! Bytes as text, after guessing their encoding. Runs in the child process only.

/// Bytes as text. UTF-8 and UTF-16 by their marks, UTF-8 when valid, otherwise the guess of a detector trained on web
/// pages (GB18030, Big5, Shift_JIS, windows-125x ...).
pub(super) fn decode(bytes: &[u8]) -> String {
    if let Some((encoding, mark)) = encoding_rs::Encoding::for_bom(bytes) {
        return encoding.decode_without_bom_handling(&bytes[mark..]).0.into_owned();
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.to_owned();
    }
    let mut detector = chardetng::EncodingDetector::new();
    detector.feed(&bytes[..bytes.len().min(1 << 20)], true);
    let encoding = detector.guess(None, true);
    // GBK is the same bytes as GB18030 as far as it goes; the larger one reads both.
    let encoding = if encoding == encoding_rs::GBK { encoding_rs::GB18030 } else { encoding };
    encoding.decode_without_bom_handling(bytes).0.into_owned()
}

/// True when the bytes are not text: binary formats hold zero bytes, text in the encodings above does not.
pub(super) fn is_binary(bytes: &[u8]) -> bool {
    let has_mark = encoding_rs::Encoding::for_bom(bytes).is_some();
    let head = &bytes[..bytes.len().min(8_192)];
    !has_mark && head.iter().filter(|byte| **byte == 0 || matches!(byte, 1..=6 | 14..=26)).count() * 200 > head.len()
}
