//! Why a call went where it went, for the usage record and a response header.

use std::fmt;

use serde::Serialize;

use crate::tier::Tier;

/// Names of open deployments are spelled out up to this many.
const N_SPELLED: usize = 3;

/// Why the first of an order is the first. Its text is one short line, such as
/// `latency: 812 ms against 1,430 ms (gpt-b)`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reason {
    /// The first choice; empty when there was nothing to choose from.
    pub chosen: String,
    /// What decided.
    #[serde(flatten)]
    pub why: Why,
    /// Left out because their breakers are open.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub open: Vec<String>,
}

/// What decided.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "strategy", rename_all = "snake_case")]
pub enum Why {
    /// There was nothing to choose from.
    Nothing,
    /// There was one only.
    Only,
    /// Chance by weight.
    Weighted {
        /// Its weight.
        weight: f64,
        /// Of all that are well.
        total: f64,
    },
    /// The least predicted time, calls under way considered.
    Latency {
        /// Predicted time; none when it was not tried lately.
        #[serde(skip_serializing_if = "Option::is_none")]
        ms: Option<u64>,
        /// Calls under way.
        in_flight: u32,
        /// The one it beat.
        #[serde(skip_serializing_if = "Option::is_none")]
        against: Option<Rival<Option<u64>>>,
    },
    /// The least expected price.
    Cost {
        /// Expected price in nano-units; none when no price is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        nano: Option<u64>,
        /// The next cheapest.
        #[serde(skip_serializing_if = "Option::is_none")]
        against: Option<Rival<Option<u64>>>,
    },
    /// The strong or the weak tier.
    Difficulty {
        /// Of the prompt; none when it has no score, which counts as hard.
        #[serde(skip_serializing_if = "Option::is_none")]
        score: Option<f32>,
        /// From where on a prompt is for the strong tier.
        threshold: f32,
        /// What the score asks for.
        wanted: Tier,
        /// What it got.
        got: Tier,
    },
    /// The least weighted sum.
    Blend {
        /// Its sum.
        sum: f64,
        /// The next best.
        #[serde(skip_serializing_if = "Option::is_none")]
        against: Option<Rival<f64>>,
    },
}

/// The one that was beaten.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rival<T> {
    /// Its name.
    pub name: String,
    /// Its figure.
    pub figure: T,
    /// Calls under way there.
    pub in_flight: u32,
}

impl Reason {
    /// The strategy's name, for metrics.
    #[must_use]
    pub const fn strategy(&self) -> &'static str {
        match &self.why {
            Why::Nothing => "nothing",
            Why::Only => "only",
            Why::Weighted { .. } => "weighted",
            Why::Latency { .. } => "latency",
            Why::Cost { .. } => "cost",
            Why::Difficulty { .. } => "difficulty",
            Why::Blend { .. } => "blend",
        }
    }

    /// The text with `?` for all that a header cannot hold (names may be in any script).
    #[must_use]
    pub fn header(&self) -> String {
        self.to_string().chars().map(|c| if matches!(c, ' '..='~') { c } else { '?' }).collect()
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.why)?;
        if !self.open.is_empty() {
            let spelled = self.open.iter().take(N_SPELLED).map(String::as_str).collect::<Vec<_>>().join(", ");
            write!(f, "; open: {spelled}")?;
            if self.open.len() > N_SPELLED {
                write!(f, " and {} more", self.open.len() - N_SPELLED)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => write!(f, "no deployment"),
            Self::Only => write!(f, "only deployment"),
            Self::Weighted { weight, total } => write!(f, "weighted: {weight} of {total}"),
            Self::Latency { ms, in_flight, against } => {
                let is_busy = *in_flight > 0 || against.as_ref().is_some_and(|rival| rival.in_flight > 0);
                let load = |n: u32| if is_busy { format!(" with {n} under way") } else { String::new() };
                write!(f, "latency: {}{}", time(*ms), load(*in_flight))?;
                match against {
                    Some(rival) => {
                        write!(f, " against {}{} ({})", time(rival.figure), load(rival.in_flight), rival.name)
                    }
                    None => Ok(()),
                }
            }
            Self::Cost { nano, against } => {
                write!(f, "cost: {}", money(*nano))?;
                match against {
                    Some(rival) => write!(f, " against {} ({})", money(rival.figure), rival.name),
                    None => Ok(()),
                }
            }
            Self::Difficulty { score, threshold, wanted, got } => {
                match score {
                    Some(score) if *score > *threshold => write!(f, "difficulty: {score:.2} above {threshold:.2}")?,
                    Some(score) if *score < *threshold => write!(f, "difficulty: {score:.2} below {threshold:.2}")?,
                    Some(score) => write!(f, "difficulty: {score:.2}, just the threshold")?,
                    None => write!(f, "difficulty: no score")?,
                }
                write!(f, ", {}", wanted.as_str())?;
                if got == wanted { Ok(()) } else { write!(f, "; not there, so {}", got.as_str()) }
            }
            Self::Blend { sum, against } => {
                write!(f, "blend: {sum:.3}")?;
                match against {
                    Some(rival) => write!(f, " against {:.3} ({})", rival.figure, rival.name),
                    None => Ok(()),
                }
            }
        }
    }
}

fn time(ms: Option<u64>) -> String {
    ms.map_or_else(|| "not tried lately".to_owned(), |ms| format!("{} ms", thousands(ms)))
}

/// `1430` as `1,430`.
fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (idx, digit) in digits.chars().enumerate() {
        if idx > 0 && (digits.len() - idx).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Nano-units as a decimal without trailing zeros.
fn money(nano: Option<u64>) -> String {
    let Some(nano) = nano else { return "no price known".to_owned() };
    let text = format!("{}.{:09}", nano / 1_000_000_000, nano % 1_000_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
