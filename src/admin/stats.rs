//! `GET /v1/stats` and `GET /v1/mounts/{id}/stats`: what was done, as JSON.
//!
//! Owns the shape of these answers. Asks the book for sums and the handles of
//! mounts for what goes on now.

use super::app::AdminState;
use super::model;
use super::problem::Problem;
use super::query::Query;
use super::reading;
use crate::error::Reason;
use crate::exchange::{Exchange, Reply};
use crate::limits::{EVENT_STREAMS_MAX, RATE_SECONDS_TOLD};
use crate::mount::Lifecycle;
use crate::mount::MountHandle;
use crate::process::Usage;
use crate::registry::{Record, Refusal, Snapshot};
use crate::stats::{Class, Distribution, Failure, Totals};
use crate::upstream::Pool;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Seconds over which rates are told.
const RATES_OVER_S: [usize; 3] = [1, 10, RATE_SECONDS_TOLD];

/// Seconds over which a list tells rates, and is sorted by them.
pub(super) const RATE_OVER_S: u64 = 10;

/// What goes on now, of one mount or of many.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Gauges {
    pub in_flight: u64,
    pub tunnels: u64,
    pub pool_idle: u64,
    pub pool_open: u64,
}

impl Gauges {
    pub fn of(handle: &MountHandle) -> Self {
        // Who has never been asked has none of these, and is not looked at.
        if handle.stats().is_none() {
            return Self::default();
        }
        let pool = handle.pool();
        let idle = pool.map_or(0, Pool::idle);
        Self {
            in_flight: handle.in_flight(),
            tunnels: handle.tunnels(),
            pool_idle: idle as u64,
            // Read one after the other, they need not agree.
            pool_open: pool.map_or(0, Pool::open).max(idle) as u64,
        }
    }

    /// What is left without that part of it, which was read later.
    pub fn without(self, part: Self) -> Self {
        Self {
            in_flight: self.in_flight.saturating_sub(part.in_flight),
            tunnels: self.tunnels.saturating_sub(part.tunnels),
            pool_idle: self.pool_idle.saturating_sub(part.pool_idle),
            pool_open: self.pool_open.saturating_sub(part.pool_open),
        }
    }

    pub fn add(&mut self, other: Self) {
        self.in_flight += other.in_flight;
        self.tunnels += other.tunnels;
        self.pool_idle += other.pool_idle;
        self.pool_open += other.pool_open;
    }
}

/// All mounts at one moment.
#[derive(Debug)]
pub(super) struct Overview {
    pub gauges: Gauges,
    /// How many are in each of [`Lifecycle::WORDS`].
    pub states: [u64; Lifecycle::WORDS.len()],
}

impl Overview {
    /// Looks at every mount: some milliseconds where there are many.
    pub fn of(snapshot: &Snapshot) -> Self {
        let mut overview = Self { gauges: Gauges::default(), states: [0; Lifecycle::WORDS.len()] };
        for record in snapshot.mounts.values() {
            overview.gauges.add(Gauges::of(&record.handle));
            if let Some(count) = overview.states.get_mut(record.handle.lifecycle() as usize) {
                *count += 1;
            }
        }
        overview
    }
}

/// `GET /v1/mounts/{id}/stats`
pub(super) async fn of_mount(state: &AdminState, id: &str, exchange: &Exchange) -> Result<Reply, Problem> {
    let snapshot = reading::snapshot(state, &Query::read(exchange, reading::PLAIN)?).await?;
    let record = snapshot.mounts.get(id).ok_or_else(|| Problem::from(Refusal::Unknown(id.into())))?;
    Ok(model::json_reply(200, &mount(record)))
}

fn mount(record: &Record) -> Value {
    let handle = &record.handle;
    let stats = handle.stats();
    let totals = stats.map(crate::stats::Stats::totals).unwrap_or_default();
    let by_second = stats.map_or([0; RATE_SECONDS_TOLD], crate::stats::Stats::by_second);
    let mut value = done(&totals, &by_second);
    value.extend(going_on(Gauges::of(handle)));
    value.insert("id".into(), json!(record.spec.id));
    value.insert("counting_since".into(), json!(stats.map(|stats| time(stats.began()))));
    value.insert("state".into(), json!(handle.lifecycle()));
    value.insert("last_activity_at".into(), json!(handle.last_activity().map(time)));
    let errors = stats.map_or_else(|| json!([]), |stats| stats.recent_errors().to_json());
    value.insert("recent_errors".into(), errors);
    Value::Object(value)
}

/// What a mount has done, as short as a list tells it.
pub(super) fn brief(handle: &MountHandle) -> Value {
    let stats = handle.stats();
    let totals = stats.map(crate::stats::Stats::totals).unwrap_or_default();
    let share = |share: f64| totals.latency.quantile(share).map(milliseconds);
    json!({
        "requests": totals.requests(),
        "errors": totals.errors(),
        "requests_per_s": per_second(stats.map_or(0, |stats| stats.in_last(RATE_OVER_S)), RATE_OVER_S),
        "p50_ms": share(0.5),
        "p99_ms": share(0.99),
        "received_bytes": totals.received_bytes(),
        "sent_bytes": totals.sent_bytes(),
    })
}

/// `GET /v1/stats`
pub(super) async fn of_process(state: &AdminState, exchange: &Exchange) -> Result<Reply, Problem> {
    let snapshot = reading::snapshot(state, &Query::read(exchange, reading::PLAIN)?).await?;
    let book = Arc::clone(&state.book);
    // With many mounts this takes a while, in which others want to be answered.
    let looked = blocking::unblock(move || {
        let (age, by_second) = (book.age(), book.by_second());
        (Overview::of(&snapshot), book.totals(), (by_second, age), Usage::now(), snapshot.revision)
    });
    let (overview, totals, (by_second, age), usage, revision) = looked.await;
    let mut value = done(&totals, &by_second);
    value.extend(going_on(overview.gauges));
    let states: Map<String, Value> =
        Lifecycle::WORDS.iter().zip(overview.states).map(|(name, count)| ((*name).into(), json!(count))).collect();
    let journal = state.registry.commit_times().load();
    let about = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "started_at": time(state.started_at),
        "uptime_s": age.as_secs(),
        "revision": revision,
        "mounts": { "total": overview.states.iter().sum::<u64>(), "states": states },
        "connections": { "open": state.front.open(), "max": state.front.open_max() },
        "event_streams": { "open": state.streams.open(), "max": EVENT_STREAMS_MAX },
        "resident_bytes": usage.resident_bytes,
        "file_descriptors": { "open": usage.descriptors, "max": usage.descriptors_max },
        "journal": { "commits": journal.count(), "latency_ms": latency(&journal) },
    });
    if let Value::Object(about) = about {
        value.extend(about);
    }
    Ok(model::json_reply(200, &Value::Object(value)))
}

/// What was counted.
fn done(totals: &Totals, by_second: &[u64; RATE_SECONDS_TOLD]) -> Map<String, Value> {
    let mut requests = Map::new();
    requests.insert("total".into(), json!(totals.requests()));
    requests.extend(Class::ALL.map(|class| (class.name().into(), json!(totals.of(class)))));
    let failures: Map<String, Value> =
        Failure::APART.map(|failure| (failure.name().into(), json!(totals.failed(failure)))).into_iter().collect();
    let refused = |reason: Reason| (reason.name().into(), json!(totals.failed(Failure::Refused(reason))));
    let refusals: Map<String, Value> = Reason::ALL.map(refused).into_iter().collect();
    let rate = |seconds: usize| {
        let count: u64 = by_second[RATE_SECONDS_TOLD - seconds..].iter().sum();
        (format!("over_{seconds}_s"), json!(per_second(count, seconds as u64)))
    };
    let rates: Map<String, Value> = RATES_OVER_S.map(rate).into_iter().collect();
    let value = json!({
        "requests": requests,
        "errors": totals.errors(),
        "failures": failures,
        "refusals": refusals,
        "requests_per_s": rates,
        "requests_by_second": by_second.as_slice(),
        "latency_ms": latency(&totals.latency),
        "received_bytes": totals.received_bytes(),
        "sent_bytes": totals.sent_bytes(),
        "restarts": totals.restarts(),
    });
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

#[allow(clippy::cast_precision_loss, reason = "requests of a minute")]
fn per_second(count: u64, seconds: u64) -> f64 {
    count as f64 / seconds as f64
}

fn going_on(gauges: Gauges) -> [(String, Value); 3] {
    [
        ("in_flight".into(), json!(gauges.in_flight)),
        ("tunnels".into(), json!(gauges.tunnels)),
        ("pool".into(), json!({ "idle": gauges.pool_idle, "open": gauges.pool_open })),
    ]
}

/// Quantiles and buckets in milliseconds; null where nothing was counted.
fn latency(distribution: &Distribution) -> Value {
    let share = |share: f64| distribution.quantile(share).map(milliseconds);
    json!({
        "count": distribution.count(),
        "p50": share(0.5),
        "p90": share(0.9),
        "p99": share(0.99),
        "p999": share(0.999),
        "mean": distribution.mean().map(milliseconds),
        "max": distribution.max().map(milliseconds),
        "buckets": distribution.buckets().map(bucket).collect::<Vec<_>>(),
    })
}

fn bucket((below, count): (Option<Duration>, u64)) -> Value {
    json!({ "below": below.map(milliseconds), "count": count })
}

fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

fn time(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(time).to_string()
}
