//! The words of a question that say what it is about.

use super::label::is_chinese;

const STOP_WORDS: [&str; 67] = [
    "what",
    "was",
    "is",
    "are",
    "were",
    "the",
    "a",
    "an",
    "of",
    "in",
    "and",
    "or",
    "how",
    "did",
    "does",
    "do",
    "for",
    "to",
    "on",
    "by",
    "with",
    "from",
    "at",
    "its",
    "it",
    "this",
    "that",
    "which",
    "who",
    "when",
    "where",
    "why",
    "much",
    "many",
    "me",
    "tell",
    "please",
    "show",
    "give",
    "about",
    "any",
    "there",
    "company",
    "company's",
    "report",
    "document",
    "year",
    "fiscal",
    "fy",
    "has",
    "have",
    "had",
    "can",
    "you",
    "i",
    "my",
    "be",
    "as",
    "than",
    "their",
    "they",
    "develop",
    "change",
    "describe",
    "main",
    "say",
    "said",
];
const STOP_PHRASES: [&str; 47] = [
    "面临",
    "面对",
    "主要的",
    "请问",
    "请",
    "帮我",
    "一下",
    "告诉我",
    "公司",
    "本公司",
    "报告期",
    "报告",
    "多少",
    "什么",
    "哪些",
    "哪个",
    "哪家",
    "如何",
    "怎么样",
    "怎样",
    "怎么",
    "是否",
    "有没有",
    "有",
    "是",
    "的",
    "了",
    "吗",
    "呢",
    "和",
    "与",
    "及",
    "在",
    "中",
    "对",
    "为",
    "介绍",
    "说明",
    "查",
    "找",
    "这",
    "那",
    "我",
    "你",
    "年度",
    "年",
    "情况",
];

/// The words of a text, in lower case, that say what it is about: without the words of asking, without years.
pub(crate) fn keywords(lower: &str) -> Vec<String> {
    let mut text = lower.to_owned();
    for phrase in STOP_PHRASES {
        text = text.replace(phrase, " ");
    }
    // "主要风险" is about risks; "主要" alone stands in every other sentence. "主要业务" is left whole.
    if !text.contains("主要业务") {
        text = text.replace("主要", " ");
    }
    let mut words = Vec::new();
    for word in text.split(|char: char| !(char.is_alphanumeric() || char == '&' || char == '-')) {
        let word = word.trim_matches('-');
        let is_year = word.len() == 4 && word.bytes().all(|byte| byte.is_ascii_digit());
        let is_word = if word.chars().any(is_chinese) {
            word.chars().count() >= 2
        } else {
            word.len() >= 2 && !STOP_WORDS.contains(&word)
        };
        if is_word && !is_year && !words.iter().any(|known| known == word) {
            words.push(word.to_owned());
        }
    }
    words
}
