//! A usage record as a row.

use sea_orm::{QueryResult, Value};
use septet_contracts::models::{UsageRecord, UsageStatus};

use crate::error::Error;

pub(super) const COLUMNS: [&str; 32] = [
    "id",
    "place",
    "tenant",
    "call_id",
    "person",
    "api_key",
    "request",
    "run",
    "model",
    "provider",
    "route",
    "reason",
    "difficulty",
    "tier",
    "n_attempts",
    "input_tokens",
    "cached_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cost_nano",
    "said_cost_nano",
    "table_cost_nano",
    "service_tier",
    "estimated",
    "started_at",
    "first_token_ms",
    "duration_ms",
    "status",
    "hold",
    "reserved_nano",
    "doubt",
];

pub(super) fn values(record: &UsageRecord, place: i64) -> [Value; COLUMNS.len()] {
    let number = |value: u64| Value::from(i64::try_from(value).unwrap_or(i64::MAX));
    [
        record.id.to_string().into(),
        place.into(),
        record.tenant.to_string().into(),
        record.call.map(|call| call.to_string()).into(),
        record.user.map(|user| user.to_string()).into(),
        record.key.map(|key| key.to_string()).into(),
        record.request.to_string().into(),
        record.run.clone().into(),
        record.model.clone().into(),
        record.provider.clone().into(),
        record.route.clone().into(),
        record.reason.clone().into(),
        record.difficulty_millionths.map(i64::from).into(),
        record.tier.clone().into(),
        i64::from(record.n_attempts).into(),
        number(record.input_tokens),
        number(record.cached_tokens),
        number(record.cache_write_tokens),
        number(record.output_tokens),
        number(record.reasoning_tokens),
        record.cost_nano.into(),
        record.said_cost_nano.into(),
        record.table_cost_nano.into(),
        record.service_tier.clone().into(),
        i64::from(record.estimated).into(),
        record.started_at_ms.into(),
        record.first_token_ms.into(),
        record.duration_ms.into(),
        record.status.as_str().into(),
        record.hold.map(|hold| hold.to_string()).into(),
        record.reserved_nano.into(),
        record.doubt.clone().into(),
    ]
}

pub(super) fn record(row: &QueryResult) -> Result<UsageRecord, Error> {
    let bad = |_bad| Error::Stored { what: "usage record" };
    let number =
        |column: &str| -> Result<u64, Error> { Ok(u64::try_from(row.try_get::<i64>("", column)?).unwrap_or(0)) };
    let text = |column: &str| row.try_get::<String>("", column);
    let maybe = |column: &str| row.try_get::<Option<String>>("", column);
    let status = match text("status")?.as_str() {
        "completed" => UsageStatus::Completed,
        "cancelled" => UsageStatus::Cancelled,
        _ => UsageStatus::Failed,
    };
    Ok(UsageRecord {
        id: text("id")?.parse().map_err(bad)?,
        tenant: text("tenant")?.parse().map_err(bad)?,
        call: maybe("call_id")?.map(|call| call.parse()).transpose().map_err(bad)?,
        user: maybe("person")?.map(|user| user.parse()).transpose().map_err(bad)?,
        key: maybe("api_key")?.map(|key| key.parse()).transpose().map_err(bad)?,
        request: text("request")?.parse().map_err(bad)?,
        run: maybe("run")?,
        hold: maybe("hold")?.map(|hold| hold.parse()).transpose().map_err(bad)?,
        reserved_nano: row.try_get("", "reserved_nano")?,
        doubt: maybe("doubt")?,
        model: text("model")?,
        provider: text("provider")?,
        route: maybe("route")?,
        reason: maybe("reason")?,
        difficulty_millionths: row
            .try_get::<Option<i64>>("", "difficulty")?
            .and_then(|score| u32::try_from(score).ok()),
        tier: maybe("tier")?,
        n_attempts: u32::try_from(row.try_get::<i64>("", "n_attempts")?).unwrap_or(1),
        input_tokens: number("input_tokens")?,
        cached_tokens: number("cached_tokens")?,
        cache_write_tokens: number("cache_write_tokens")?,
        output_tokens: number("output_tokens")?,
        reasoning_tokens: number("reasoning_tokens")?,
        cost_nano: row.try_get("", "cost_nano")?,
        said_cost_nano: row.try_get("", "said_cost_nano")?,
        table_cost_nano: row.try_get("", "table_cost_nano")?,
        service_tier: maybe("service_tier")?,
        estimated: row.try_get::<i64>("", "estimated")? != 0,
        started_at_ms: row.try_get("", "started_at")?,
        first_token_ms: row.try_get("", "first_token_ms")?,
        duration_ms: row.try_get("", "duration_ms")?,
        status,
        cursor: row.try_get("", "place")?,
    })
}
