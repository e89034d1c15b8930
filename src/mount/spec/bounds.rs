//! What one mount's exchanges may take: its `limits` and `timeouts`.
//!
//! Owns their names, their defaults (the numbers are in `limits.rs`) and their
//! ranges. Every number counts from the next request on.

use super::reader::Reader;
use crate::exchange::Bounds;
use crate::limits::{
    BODY_IDLE_MAX, CLIENT_BYTES_PER_S_MIN, CONNECT_MAX, FIRST_BYTE_MAX, MOUNT_REQUESTS_MAX, MOUNT_TUNNELS_MAX,
    QUEUE_MAX, TUNNEL_IDLE_MAX,
};
use serde::Serialize;
use serde_json::Value;
use std::ops::RangeInclusive;
use std::time::Duration;

/// How much of what there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Requests at a time; further ones wait, or are refused with 503.
    pub concurrent_requests_max: u32,
    /// Requests that may wait for one of those to end.
    pub queue_max: u32,
    /// How long one may wait, in milliseconds.
    pub queue_wait_ms_max: u32,
    /// Requests a second; further ones are refused with 429. None is no bound.
    pub requests_per_s_max: Option<u32>,
    /// Tunnels at a time; further upgrades are refused with 503.
    pub tunnels_max: u32,
    /// Content of one request, in bytes; more is refused with 413. None is no
    /// bound: content is never kept, so it costs no memory.
    pub request_body_bytes_max: Option<u64>,
    /// The least bytes a second at which a client must send content and take a
    /// reply while it is waited for; 0 is none.
    pub client_bytes_per_s_min: u32,
}

/// How long what may take, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Timeouts {
    /// Until the upstream accepts a connection, name look-up included (504).
    pub connect_ms: u64,
    /// Until the upstream answers, from when it has the request (504).
    pub first_byte_ms: u64,
    /// That content may stand still, either way.
    pub idle_ms: u64,
    /// That a tunnel may stand still.
    pub tunnel_idle_ms: u64,
    /// Of the whole exchange, tunnels excepted. None is no bound.
    pub total_ms: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            concurrent_requests_max: MOUNT_REQUESTS_MAX,
            queue_max: 0,
            queue_wait_ms_max: 0,
            requests_per_s_max: None,
            tunnels_max: MOUNT_TUNNELS_MAX,
            request_body_bytes_max: None,
            client_bytes_per_s_min: CLIENT_BYTES_PER_S_MIN,
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self {
            connect_ms: ms(CONNECT_MAX),
            first_byte_ms: ms(FIRST_BYTE_MAX),
            idle_ms: ms(BODY_IDLE_MAX),
            tunnel_idle_ms: ms(TUNNEL_IDLE_MAX),
            total_ms: None,
        }
    }
}

/// The bounds of an exchange in a mount with these.
#[must_use]
pub fn of(limits: Limits, timeouts: Timeouts) -> Bounds {
    Bounds {
        connect: Duration::from_millis(timeouts.connect_ms),
        first_byte: Duration::from_millis(timeouts.first_byte_ms),
        idle: Duration::from_millis(timeouts.idle_ms),
        tunnel_idle: Duration::from_millis(timeouts.tunnel_idle_ms),
        total: timeouts.total_ms.map(Duration::from_millis),
        request_body_bytes: limits.request_body_bytes_max.unwrap_or(u64::MAX),
        client_bytes_per_s: u64::from(limits.client_bytes_per_s_min),
    }
}

const COUNT: RangeInclusive<u64> = 0..=1_000_000;
/// Ten minutes: nobody waits longer for a place.
const QUEUE_WAIT_MS: u64 = 10 * 60 * 1000;
/// What every JSON peer can still count.
const BYTES: RangeInclusive<u64> = 0..=1 << 53;
/// Up to a week.
const MILLISECONDS: RangeInclusive<u64> = 1..=7 * 24 * 3600 * 1000;

impl Reader {
    /// Reads `limits`.
    pub(super) fn limits(&mut self, value: Option<&Value>) -> Limits {
        let default = Limits::default();
        let names = [
            "concurrent_requests_max",
            "queue_max",
            "queue_wait_ms_max",
            "requests_per_s_max",
            "tunnels_max",
            "request_body_bytes_max",
            "client_bytes_per_s_min",
        ];
        let Some(object) = self.object(value, "/limits", &names) else { return default };
        let [requests, queue, wait, per_s, tunnels, body_bytes, rate] = names;
        let mut count = |name, range: RangeInclusive<u64>, default| {
            let number = self.number(object, "/limits", name, range);
            number.map_or(default, |number| u32::try_from(number).unwrap_or(u32::MAX))
        };
        let limits = Limits {
            concurrent_requests_max: count(requests, COUNT, default.concurrent_requests_max),
            queue_max: count(queue, 0..=u64::from(QUEUE_MAX), default.queue_max),
            queue_wait_ms_max: count(wait, 0..=QUEUE_WAIT_MS, default.queue_wait_ms_max),
            requests_per_s_max: None,
            tunnels_max: count(tunnels, COUNT, default.tunnels_max),
            request_body_bytes_max: None,
            client_bytes_per_s_min: count(rate, COUNT, default.client_bytes_per_s_min),
        };
        let per_s = self.number(object, "/limits", per_s, 1..=*COUNT.end());
        let body_bytes = self.number(object, "/limits", body_bytes, BYTES);
        if limits.queue_max > 0 && limits.queue_wait_ms_max == 0 {
            self.fault("/limits/queue_wait_ms_max", "must be at least 1 where queue_max lets requests wait");
        }
        Limits {
            requests_per_s_max: per_s.map(|number| u32::try_from(number).unwrap_or(u32::MAX)),
            request_body_bytes_max: body_bytes,
            ..limits
        }
    }

    /// Reads `timeouts`.
    pub(super) fn timeouts(&mut self, value: Option<&Value>) -> Timeouts {
        let default = Timeouts::default();
        let names = ["connect_ms", "first_byte_ms", "idle_ms", "tunnel_idle_ms", "total_ms"];
        let Some(object) = self.object(value, "/timeouts", &names) else { return default };
        let mut read = |name| self.number(object, "/timeouts", name, MILLISECONDS);
        let [connect, first_byte, idle, tunnel_idle, total] = names;
        Timeouts {
            connect_ms: read(connect).unwrap_or(default.connect_ms),
            first_byte_ms: read(first_byte).unwrap_or(default.first_byte_ms),
            idle_ms: read(idle).unwrap_or(default.idle_ms),
            tunnel_idle_ms: read(tunnel_idle).unwrap_or(default.tunnel_idle_ms),
            total_ms: read(total),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mount::spec::{Id, MountSpec, parse};
    use serde_json::json;

    fn read(limits: Value, timeouts: Value) -> Result<MountSpec, Vec<String>> {
        let value = json!({"kind": "regular", "address": "http://h/", "limits": limits, "timeouts": timeouts});
        parse(&value, Id::Given("m")).map_err(|faults| faults.into_iter().map(|fault| fault.pointer).collect())
    }

    #[test]
    fn what_is_not_said_has_its_default() {
        let spec = read(json!({"tunnels_max": 0}), json!({"total_ms": 5000, "idle_ms": null})).unwrap();
        assert_eq!(spec.limits, Limits { tunnels_max: 0, ..Limits::default() });
        assert_eq!(spec.timeouts, Timeouts { total_ms: Some(5000), ..Timeouts::default() });
        assert_eq!(parse(&serde_json::to_value(&spec).unwrap(), Id::Given("m")), Ok(spec));
    }

    #[test]
    fn numbers_out_of_range_and_unknown_names_are_told() {
        let told = read(
            json!({"tunnels_max": -1, "request_body_bytes_max": "1", "queue": 1, "queue_max": 5, "requests_per_s_max": 0}),
            json!({"idle_ms": 0, "connect_ms": 1.5}),
        );
        assert_eq!(
            told.unwrap_err(),
            [
                "/limits/queue",
                "/limits/tunnels_max",
                "/limits/requests_per_s_max",
                "/limits/request_body_bytes_max",
                "/limits/queue_wait_ms_max",
                "/timeouts/connect_ms",
                "/timeouts/idle_ms"
            ]
        );
        assert_eq!(read(json!([]), json!(5)).unwrap_err(), ["/limits", "/timeouts"]);
    }
}
