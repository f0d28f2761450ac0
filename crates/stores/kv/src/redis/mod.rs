//! Counters that several processes share, in Redis.
//!
//! Every verb is one Lua script and one round trip, so it happens whole or not at all. The scripts go by the clock of
//! Redis: processes on several machines never agree on the time to the millisecond, and a lease must end once.
//!
//! | name | what it is | how long |
//! |---|---|---|
//! | `{<prefix>:kv}:c:<what>:<span>:<scope>` | a counter: hash with `w` window, `t` used and held, `r` held; for a minute also `h` newest second, `t<s>` and `r<s>` per second | its window and an hour; totals for ever; concurrency while something is held |
//! | `{<prefix>:kv}:h:<id>` | a hold: msgpack, or `s` when it was settled | until settled, then a minute; an hour once it ran out |
//! | `{<prefix>:kv}:leases` | sorted set: hold by the end of its lease | |
//! | `{<prefix>:kv}:x:<id>` | a correction that was made | ninety days |
//!
//! All names share one hash tag, so that a cluster keeps them on one node, where a script may touch them together.
//!
//! Lua counts in doubles, which are exact to nine million units of currency in nano-units, and a budget in yen is
//! larger. So no script adds or compares numbers of amounts itself: Redis adds (64 bits), and they are compared as
//! decimal texts with the room that is computed here.

mod scripts;

use std::collections::HashMap;
use std::time::Duration;

use ::redis::aio::{ConnectionManager, ConnectionManagerConfig};
use ::redis::{Client, FromRedisValue, RedisError, ScriptInvocation, Value};
use septet_kernel::Clock;
use tracing::warn;

use self::scripts::Scripts;
use crate::Error;
use crate::hold::{Ask, Correction, Counter, OnExpiry, Refused, Reserved, Settled, ms};
use crate::limit::{Amounts, Limit, What, tightest, unsigned};
use crate::slots::Slots;
use crate::window::Span;

/// A Redis that says nothing for this long is away; a reservation is on the path of every call.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
const CONNECT_WITHIN: Duration = Duration::from_secs(2);

/// The driver behind `redis://`.
#[derive(Clone)]
pub(crate) struct Redis {
    connection: ConnectionManager,
    scripts: &'static Scripts,
    /// `{septet:kv}:`
    prefix: String,
    clock: Clock,
    /// Redis' own time when there is none.
    time: Option<Clock>,
}

impl Redis {
    pub(crate) async fn open(uri: &str, prefix: &str, clock: Clock, time: Option<Clock>) -> Result<Self, Error> {
        let unknown = |_its_words_may_hold_the_password| Error::UnknownUri { uri: crate::without_password(uri) };
        let client = Client::open(uri).map_err(unknown)?;
        let config = ConnectionManagerConfig::new()
            .set_response_timeout(Some(ANSWER_WITHIN))
            .set_connection_timeout(Some(CONNECT_WITHIN))
            // Whoever asks while Redis is away is told so at once, and the next one tries again.
            .set_min_delay(Duration::from_millis(50))
            .set_number_of_retries(1);
        let connection =
            ConnectionManager::new_with_config(client, config).await.map_err(Error::unavailable("connect to Redis"))?;
        let prefix = format!("{{{}:kv}}:", prefix.replace(['{', '}'], ""));
        let redis = Self { connection, scripts: Scripts::get(), prefix, clock, time };
        redis.warn_of_eviction().await;
        Ok(redis)
    }

    /// A Redis that throws away keys when it is full throws away budgets.
    async fn warn_of_eviction(&self) {
        let mut connection = self.connection.clone();
        let info: Result<String, RedisError> = ::redis::cmd("INFO").arg("memory").query_async(&mut connection).await;
        let Ok(info) = info else { return };
        let policy = info.lines().find_map(|line| line.strip_prefix("maxmemory_policy:")).map(str::trim);
        if let Some(policy) = policy.filter(|policy| *policy != "noeviction") {
            warn!(
                redis.maxmemory_policy = policy,
                "this Redis drops budgets when it is full; set maxmemory-policy noeviction"
            );
        }
    }

    pub(crate) async fn reserve(&self, ask: &Ask<'_>) -> Result<Reserved, Error> {
        let doing = "reserve";
        let limits: Vec<&Limit> = tightest(ask.limits).collect();
        let mut call = self.call(&self.scripts.reserve, ask.hold);
        call.arg(ms(ask.lease)).arg(if ask.on_expiry == OnExpiry::Charge { "charge" } else { "refund" });
        let now_ms = self.clock.now_ms();
        for limit in &limits {
            let wanted = ask.amounts.held(limit.what);
            let bounds = limit.span().bounds(now_ms);
            call.key(self.counter(limit)).arg(letter(limit)).arg(wanted).arg(limit.room(wanted)).arg(bounds.start_ms);
            call.arg(bounds.end_ms.unwrap_or(0));
        }
        loop {
            let reply: Vec<Value> = self.invoke(&call, doing).await?;
            let mut reply = reply.into_iter();
            let word: String = next(&mut reply, doing)?;
            match word.as_str() {
                "reserved" | "held" => {
                    let expires_at_ms = next(&mut reply, doing)?;
                    return Ok(Reserved { expires_at_ms, is_repeated: word == "held" });
                }
                "over" => return Err(Error::Over(ask.hold.to_owned())),
                "refused" => {
                    let idx: usize = next(&mut reply, doing)?;
                    let now_ms: i64 = next(&mut reply, doing)?;
                    let fields: HashMap<String, i64> = next(&mut reply, doing)?;
                    let limit = idx.checked_sub(1).and_then(|idx| limits.get(idx));
                    let limit = limit.ok_or_else(|| Error::unreadable(doing)("no such limit"))?;
                    return Err(refused(limit, ask, &fields, now_ms));
                }
                // More leases had run out than one script looks at; their room counts first.
                "again" => {}
                other => return Err(Error::unreadable(doing)(format!("unknown answer {other:?}"))),
            }
        }
    }

    pub(crate) async fn settle(&self, hold: &str, real: &Amounts) -> Result<Settled, Error> {
        let doing = "settle";
        let mut call = self.call(&self.scripts.settle, hold);
        call.arg(real.requests).arg(real.tokens).arg(real.money_nano);
        let word: String = self.invoke(&call, doing).await?;
        match word.as_str() {
            "now" => Ok(Settled::Now),
            "late" => Ok(Settled::Late),
            "before" => Ok(Settled::Before),
            "unknown" => Ok(Settled::Unknown),
            other => Err(Error::unreadable(doing)(format!("unknown answer {other:?}"))),
        }
    }

    pub(crate) async fn extend(&self, hold: &str, lease: Duration) -> Result<i64, Error> {
        let doing = "extend a hold";
        let mut call = self.call(&self.scripts.extend, hold);
        call.arg(ms(lease));
        let reply: Vec<Value> = self.invoke(&call, doing).await?;
        let mut reply = reply.into_iter();
        let word: String = next(&mut reply, doing)?;
        match word.as_str() {
            "held" => next(&mut reply, doing),
            "over" => Err(Error::Over(hold.to_owned())),
            _unknown => Err(Error::NoHold(hold.to_owned())),
        }
    }

    pub(crate) async fn look(&self, limits: &[Limit]) -> Result<Vec<Counter>, Error> {
        let doing = "look at counters";
        let mut call = self.call(&self.scripts.look, "");
        for limit in limits {
            call.key(self.counter(limit));
        }
        let reply: Vec<Value> = self.invoke(&call, doing).await?;
        let mut reply = reply.into_iter();
        let now_ms: i64 = next(&mut reply, doing)?;
        let mut counters = Vec::with_capacity(limits.len());
        for limit in limits {
            let fields: HashMap<String, i64> = next(&mut reply, doing)?;
            let stored = Stored::new(limit.span(), &fields, now_ms);
            counters.push(Counter {
                limit: limit.clone(),
                used: unsigned(stored.taken - stored.held),
                reserved: unsigned(stored.held),
                resets_at_ms: stored.resets_at_ms(),
            });
        }
        Ok(counters)
    }

    pub(crate) async fn correct(&self, id: &str, limit: &Limit, correction: Correction) -> Result<bool, Error> {
        let bounds = limit.span().bounds(self.clock.now_ms());
        let mut call = self.call(&self.scripts.correct, "");
        call.key(self.counter(limit)).key(format!("{}x:{id}", self.prefix)).arg(letter(limit));
        match correction {
            Correction::Set(used) => call.arg("set").arg(used),
            Correction::Add(more) => call.arg("add").arg(more),
        };
        call.arg(bounds.start_ms).arg(bounds.end_ms.unwrap_or(0));
        self.invoke(&call, "correct a counter").await
    }

    /// A call with what every script begins with.
    fn call<'a>(&self, script: &'a ::redis::Script, hold: &str) -> ScriptInvocation<'a> {
        let mut call = script.prepare_invoke();
        let holds = format!("{}h:", self.prefix);
        call.key(format!("{}leases", self.prefix)).key(format!("{holds}{hold}"));
        call.arg(self.time.as_ref().map_or(-1, Clock::now_ms)).arg(holds).arg(hold);
        call
    }

    fn counter(&self, limit: &Limit) -> String {
        format!("{}c:{}", self.prefix, limit.key())
    }

    /// Runs a script. When the connection broke it is sent once more, on a new one: every script may run twice.
    async fn invoke<T: FromRedisValue>(&self, call: &ScriptInvocation<'_>, doing: &'static str) -> Result<T, Error> {
        let mut connection = self.connection.clone();
        let mut answer = call.invoke_async(&mut connection).await;
        if matches!(&answer, Err(error) if error.is_connection_dropped()) {
            answer = call.invoke_async(&mut connection).await;
        }
        answer.map_err(Error::unavailable(doing))
    }
}

/// A counter as Redis keeps it, brought to the present.
struct Stored {
    span: Span,
    slots: Slots,
    now_ms: i64,
    taken: i64,
    held: i64,
}

impl Stored {
    fn new(span: Span, fields: &HashMap<String, i64>, now_ms: i64) -> Self {
        let field = |name: &str| fields.get(name).copied();
        let mut slots = Slots::default();
        let (taken, held) = match span {
            Span::Minute => {
                let seconds = fields.iter().filter_map(|(name, taken)| {
                    let second = name.strip_prefix('t')?;
                    let held = field(&format!("r{second}")).unwrap_or(0);
                    Some((second.parse().ok()?, *taken, held))
                });
                slots = Slots::from_stored(field("h").unwrap_or(0), seconds);
                slots.roll(now_ms);
                (slots.taken(), slots.held())
            }
            Span::Held | Span::Day(_) | Span::Month(_) | Span::Total => {
                let is_present = field("w").is_some_and(|window| window >= span.bounds(now_ms).start_ms);
                let present = |name| field(name).filter(|_| is_present).unwrap_or(0);
                (present("t"), present("r"))
            }
        };
        Self { span, slots, now_ms, taken, held }
    }

    fn resets_at_ms(&self) -> Option<i64> {
        match self.span {
            Span::Minute => self.slots.empty_at_ms(),
            Span::Held | Span::Day(_) | Span::Month(_) | Span::Total => self.span.bounds(self.now_ms).end_ms,
        }
    }
}

fn refused(limit: &Limit, ask: &Ask<'_>, fields: &HashMap<String, i64>, now_ms: i64) -> Error {
    let wanted = ask.amounts.held(limit.what);
    let stored = Stored::new(limit.span(), fields, now_ms);
    let free_at_ms = match limit.span() {
        Span::Minute => stored.slots.free_at_ms(limit.room(wanted)),
        Span::Held | Span::Day(_) | Span::Month(_) | Span::Total => stored.resets_at_ms(),
    };
    let used = stored.taken - stored.held;
    Error::Refused(Box::new(Refused::new(limit, wanted, used, stored.held, free_at_ms, now_ms)))
}

/// The kind of a counter and what it counts, as the scripts know them.
fn letter(limit: &Limit) -> &'static str {
    match (limit.span(), limit.what) {
        (Span::Held, _) => "c-",
        (Span::Minute, What::Requests) => "mr",
        (Span::Minute, What::Tokens) => "mt",
        (Span::Minute, What::Money | What::Concurrency) => "mm",
        (Span::Day(_) | Span::Month(_), What::Requests) => "wr",
        (Span::Day(_) | Span::Month(_), What::Tokens) => "wt",
        (Span::Day(_) | Span::Month(_), What::Money | What::Concurrency) => "wm",
        (Span::Total, What::Requests) => "tr",
        (Span::Total, What::Tokens) => "tt",
        (Span::Total, What::Money | What::Concurrency) => "tm",
    }
}

fn next<T: FromRedisValue>(reply: &mut impl Iterator<Item = Value>, doing: &'static str) -> Result<T, Error> {
    let value = reply.next().ok_or_else(|| Error::unreadable(doing)("the answer is too short"))?;
    T::from_redis_value(value).map_err(Error::unreadable(doing))
}
