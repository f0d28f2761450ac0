//! Lists in pages, in the shape of the OpenAI API.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

/// A page of a list.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Page<T> {
    /// Always `list`.
    pub object: String,
    /// The things on this page, in the order asked for.
    pub data: Vec<T>,
    /// The id of the first, to page back from.
    #[serde(default)]
    pub first_id: Option<String>,
    /// The id of the last, to page on from as `after`.
    #[serde(default)]
    pub last_id: Option<String>,
    /// Whether more follow.
    #[serde(default)]
    pub has_more: bool,
}

impl<T> Page<T> {
    /// A page of `data`, whose ids `id` tells.
    pub fn new(data: Vec<T>, has_more: bool, id: impl Fn(&T) -> String) -> Self {
        let (first_id, last_id) = (data.first().map(&id), data.last().map(&id));
        Self { object: "list".to_owned(), data, first_id, last_id, has_more }
    }
}

/// Which page is wanted, from the query string.
#[derive(Debug, Clone, Default, Serialize, Deserialize, utoipa::IntoParams)]
#[serde(default)]
pub struct PageQuery {
    /// How many at most, 1 to 100. Default 20.
    #[serde(deserialize_with = "limit")]
    #[param(minimum = 1, maximum = 100)]
    pub limit: Option<u32>,
    /// Start after the thing with this id.
    pub after: Option<String>,
    /// End before the thing with this id.
    pub before: Option<String>,
    /// `asc` or `desc` by time of creation. Default `desc`.
    #[serde(deserialize_with = "order")]
    #[param(pattern = "^(asc|desc)$")]
    pub order: Option<String>,
}

/// A limit, or an error that says what it may be.
pub(crate) fn limit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    match Option::deserialize(deserializer)? {
        Some(limit) if !(1..=100).contains(&limit) => Err(D::Error::custom("limit may be 1 to 100")),
        limit => Ok(limit),
    }
}

/// `asc` or `desc`, or an error that says so.
pub(crate) fn order<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    match Option::<String>::deserialize(deserializer)? {
        Some(order) if order != "asc" && order != "desc" => Err(D::Error::custom("order is asc or desc")),
        order => Ok(order),
    }
}

impl PageQuery {
    /// The limit within its bounds.
    #[must_use]
    pub fn limit(&self) -> u32 {
        self.limit.unwrap_or(20).clamp(1, 100)
    }

    /// Whether the oldest come first.
    #[must_use]
    pub fn is_ascending(&self) -> bool {
        self.order.as_deref() == Some("asc")
    }

    /// The query string that asks for this page.
    #[must_use]
    pub fn to_query(&self) -> String {
        crate::call::query(&[
            ("limit", self.limit.map(|limit| limit.to_string())),
            ("after", self.after.clone()),
            ("before", self.before.clone()),
            ("order", self.order.clone()),
        ])
    }
}
