//! `current_time`: the date and time, for a model knows neither.

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use septet_kernel::Clock;
use serde::Deserialize;
use serde_json::json;

use super::{Called, Definition, Invocation, Tool};
use crate::run::effect::Effect;
use crate::run::output::ToolOutput;

pub(super) struct CurrentTime {
    clock: Clock,
}

#[derive(Deserialize)]
struct Arguments {
    #[serde(default)]
    time_zone: Option<String>,
}

impl CurrentTime {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock }
    }

    fn tell(&self, call: &Invocation) -> Result<ToolOutput, ToolOutput> {
        let Arguments { time_zone } = call.read(self)?;
        let name = time_zone.as_deref().map(str::trim).filter(|name| !name.is_empty()).unwrap_or("UTC");
        let zone = TimeZone::get(name).map_err(|_unknown| {
            let problem = "is no time zone; write a name of the IANA database such as Asia/Shanghai or Europe/Berlin";
            ToolOutput::failed("unknown_time_zone", format!("{name:?} {problem}"))
        })?;
        let now = Timestamp::from_millisecond(self.clock.now_ms())
            .map_err(|error| ToolOutput::failed("clock_wrong", format!("the clock of the server is wrong: {error}")))?;
        let now = now.to_zoned(zone);
        let told = json!({
            "time": now.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
            "time_zone": name,
            "weekday": now.strftime("%A").to_string(),
            "day_of_year": now.day_of_year(),
            "iso_week": now.date().iso_week_date().week(),
            "unix": now.timestamp().as_second(),
        });
        Ok(ToolOutput::text(told.to_string()))
    }
}

#[async_trait]
impl Tool for CurrentTime {
    fn definition(&self) -> Definition {
        Definition::new(
            "current_time",
            "Gives the current date and time, the weekday and the week of the year. Call it before you say what is recent, \
             due or how long ago.",
            json!({
                "type": "object",
                "properties": {
                    "time_zone": {
                        "type": "string",
                        "description": "A name of the IANA database such as Asia/Shanghai. Default UTC.",
                    },
                },
            }),
        )
    }

    fn effect(&self) -> Effect {
        Effect::Pure
    }

    async fn call(&self, call: &Invocation) -> Called {
        Called::Output(self.tell(call).unwrap_or_else(|refused| refused))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::invocation;
    use super::*;

    fn told(time_zone: &str) -> ToolOutput {
        // A Friday.
        let tool = CurrentTime::new(Clock::manual(1_767_312_000_000));
        let call = invocation(&json!({"time_zone": time_zone}));
        tool.tell(&call).unwrap_or_else(|refused| refused)
    }

    #[test]
    fn the_time_is_told_in_the_zone_that_is_asked_for() {
        let shanghai: serde_json::Value = serde_json::from_str(&told("Asia/Shanghai").texts()).unwrap();
        assert_eq!(shanghai["time"], "2026-01-02T08:00:00+08:00");
        assert_eq!((&shanghai["weekday"], &shanghai["iso_week"]), (&"Friday".into(), &1.into()));
        let new_york: serde_json::Value = serde_json::from_str(&told("America/New_York").texts()).unwrap();
        assert_eq!(new_york["time"], "2026-01-01T19:00:00-05:00");
        let unnamed: serde_json::Value = serde_json::from_str(&told(" ").texts()).unwrap();
        assert_eq!((&unnamed["time_zone"], &unnamed["unix"]), (&"UTC".into(), &1_767_312_000.into()));
    }

    #[test]
    fn a_zone_that_is_none_is_refused_in_words() {
        let refused = told("Beijing");
        assert!(!refused.ok);
        assert!(refused.texts().contains("\"Beijing\" is no time zone; write"), "{}", refused.texts());
    }
}
