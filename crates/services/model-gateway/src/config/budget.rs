//! Budgets, rate limits, and the keys of clients that come without the API gateway.

use serde::{Deserialize, Serialize};

use super::Secret;

/// A limit for everyone of a kind, or for one.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BudgetConfig {
    /// Whom it holds for: `tenant`, `user` or `key` for each of them alike, or one of them by its id, such as
    /// `tenant:ten_01890a5d...` or `key:alpha` (a key of `models.keys` by its name), or `group:research` for all keys of a
    /// group together.
    pub scope: String,
    /// What it limits.
    pub what: BudgetKind,
    /// Over which time. Default `minute` for requests and tokens, `month` for money.
    #[serde(default)]
    pub window: Option<WindowKind>,
    /// The most. Money is a decimal number of units of currency, written as text: "12.50".
    pub max: Amount,
}

/// What a budget limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetKind {
    /// Calls.
    Requests,
    /// Tokens, in and out.
    Tokens,
    /// Calls at the same time.
    Concurrency,
    /// Money.
    Money,
}

/// The time over which a budget holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WindowKind {
    /// The last sixty seconds.
    Minute,
    /// From midnight to midnight.
    Day,
    /// From the first of the month.
    Month,
    /// For ever.
    Total,
}

/// Whether accounts are asked before calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LedgerKind {
    /// Where there are any.
    #[default]
    Auto,
    /// Always; no call is made while they do not answer.
    Required,
    /// Never.
    Off,
}

/// A number, or a decimal number as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Amount {
    /// A count.
    Count(u64),
    /// A decimal number.
    Decimal(String),
}

/// A client that comes without the API gateway: `septet serve model-gateway` needs nothing else.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyConfig {
    /// What it sends as `Authorization: Bearer` or `x-api-key`; at least 16 characters.
    pub key: Secret,
    /// Whose it is, by any name; budgets and records tell tenants apart by it. Default `default`.
    #[serde(default = "default_tenant")]
    pub tenant: String,
    /// The group that it belongs to.
    #[serde(default)]
    pub group: Option<String>,
    /// The models and routes that it may use; all when empty.
    #[serde(default)]
    pub models: Vec<String>,
}

fn default_tenant() -> String {
    "default".to_owned()
}

impl BudgetConfig {
    /// The most: a count, or nano-units of money.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn most(&self) -> Result<u64, String> {
        match (self.what, &self.max) {
            (BudgetKind::Money, Amount::Count(units)) => {
                units.checked_mul(1_000_000_000).ok_or_else(|| "is too large".to_owned())
            }
            (BudgetKind::Money, Amount::Decimal(text)) => nano(text),
            (_, Amount::Count(count)) => Ok(*count),
            (_, Amount::Decimal(_)) => Err("must be a whole number".to_owned()),
        }
    }

    /// The time over which it holds.
    #[must_use]
    pub fn window(&self) -> WindowKind {
        self.window.unwrap_or(if self.what == BudgetKind::Money { WindowKind::Month } else { WindowKind::Minute })
    }

    pub(super) fn check(&self, at: usize) -> Result<(), String> {
        let name = format!("models.budgets[{at}]");
        self.most().map_err(|what| format!("{name}.max: {what}"))?;
        let (kind, id) = self.scope.split_once(':').map_or((self.scope.as_str(), None), |(kind, id)| (kind, Some(id)));
        let is_known = match kind {
            "tenant" | "user" | "key" => id != Some(""),
            "group" => id.is_some_and(|id| !id.is_empty()),
            _ => false,
        };
        if !is_known {
            return Err(format!(
                "{name}.scope: write tenant, user or key, one of them as tenant:<id>, or group:<name>"
            ));
        }
        if self.what == BudgetKind::Concurrency && self.window.is_some() {
            return Err(format!("{name}.window: calls at the same time have none; leave it out"));
        }
        Ok(())
    }
}

/// Nano-units of a decimal number.
fn nano(text: &str) -> Result<u64, String> {
    let wrong = || "must be a decimal number such as \"12.50\", with at most nine digits behind the point".to_owned();
    let (whole, part) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || part.len() > 9 || !digits(whole) || !digits(part) {
        return Err(wrong());
    }
    let whole: u64 = whole.parse().map_err(|_large| wrong())?;
    let part: u64 = format!("{part:0<9}").parse().map_err(|_never| wrong())?;
    whole.checked_mul(1_000_000_000).and_then(|nano| nano.checked_add(part)).ok_or_else(wrong)
}

impl KeyConfig {
    pub(super) fn check(&self, name: &str) -> Result<(), String> {
        if self.key.expose().len() < 16 {
            return Err(format!("models.keys.{name}.key: write at least 16 characters, so that nobody guesses it"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_read_digit_by_digit() {
        assert_eq!(nano("12.5"), Ok(12_500_000_000));
        assert_eq!(nano("0.000000001"), Ok(1));
        assert_eq!(nano("3"), Ok(3_000_000_000));
        for wrong in ["", ".", "1e3", "-1", "0.0000000001", "1,5", "99999999999999999999"] {
            assert!(nano(wrong).is_err(), "{wrong}");
        }
    }
}
