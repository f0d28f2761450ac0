//! The status that fits what a provider says, where it answers with another.
//!
//! The status decides who is at fault: a bad request is the client's and goes back to it; a refused key or an empty
//! account concerns the provider, so another deployment is asked.

use septet_protocols::{Dialect, Failure, bedrock};

/// A status as it comes, words of the code or the message in small letters, and the status that fits.
const WORDS: [(u16, &str, u16); 9] = [
    // Google.
    (400, "api_key_invalid", 401),
    (400, "api_key_expired", 401),
    (400, "api key not valid", 401),
    (400, "api key expired", 401),
    // xAI.
    (400, "incorrect api key provided", 401),
    // Anthropic.
    (400, "credit balance is too low", 402),
    // DashScope.
    (400, "arrearage", 402),
    // SiliconFlow.
    (403, "account balance is insufficient", 402),
    // Zhipu.
    (429, "余额不足", 402),
];

/// Sets the status that fits.
pub(super) fn fit(dialect: Dialect, failure: &mut Failure) {
    if dialect == Dialect::Bedrock {
        // Older services of Amazon answer every error with 400, so the name of the exception takes precedence.
        let (name, status) = bedrock::exception(&failure.code);
        failure.status = status.unwrap_or(failure.status);
        failure.code = name.to_owned();
        return;
    }
    let said = format!("{} {}", failure.code, failure.message).to_lowercase();
    let fits = WORDS.iter().find(|(status, words, _)| *status == failure.status && said.contains(words));
    failure.status = fits.map_or(failure.status, |(_, _, status)| *status);
}
