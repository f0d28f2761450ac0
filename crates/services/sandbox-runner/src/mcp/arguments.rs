//! What the tools are asked with.

use rmcp::schemars;
use rmcp::schemars::JsonSchema;
use serde::Deserialize;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RunPython {
    /// The code.
    pub(super) code: String,
    /// The longest it may take, in milliseconds.
    #[serde(default)]
    pub(super) timeout_ms: Option<u64>,
    /// The container of an earlier answer, to go on there. Default: that of the session.
    #[serde(default)]
    pub(super) container: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RunSql {
    /// One statement or several; the last one that gives rows gives the result.
    pub(super) query: String,
    /// The longest it may take, in milliseconds.
    #[serde(default)]
    pub(super) timeout_ms: Option<u64>,
    /// The container of an earlier answer, to go on there. Default: that of the session.
    #[serde(default)]
    pub(super) container: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UploadFile {
    /// Where: `report.csv` or `data/report.csv`.
    pub(super) path: String,
    /// The content, if it is text.
    #[serde(default)]
    pub(super) text: Option<String>,
    /// The content, if it is not.
    #[serde(default)]
    pub(super) base64: Option<String>,
    /// The container of an earlier answer. Default: that of the session.
    #[serde(default)]
    pub(super) container: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadFile {
    /// Such as `/session/chart-1.png` or `chart-1.png`.
    pub(super) path: String,
    /// The container of an earlier answer. Default: that of the session.
    #[serde(default)]
    pub(super) container: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Inside {
    /// The container of an earlier answer. Default: that of the session.
    #[serde(default)]
    pub(super) container: Option<String>,
}
