//! `GET /metrics`: what was done and goes on, for Prometheus.
//!
//! Owns the names of the metrics and which mounts have their own. The text is
//! OpenMetrics, written by `prometheus-client`.

use super::app::AdminState;
use super::model;
use super::problem::Problem;
use super::query::Query;
use super::stats::{Gauges, Overview};
use crate::error::Reason;
use crate::exchange::{Exchange, Reply};
use crate::limits::METRICS_MOUNTS_MAX;
use crate::mount::Lifecycle;
use crate::process::Usage;
use crate::registry::Snapshot;
use crate::stats::{Book, Class, Distribution, Failure, Stats, Totals};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// The media type of what the crate writes.
const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The label of all mounts without metrics of their own. No id begins so.
const REST: &str = "_rest";

/// `GET /metrics`
pub(super) async fn perform(state: &AdminState, exchange: &Exchange) -> Result<Reply, Problem> {
    Query::read(exchange, &[])?;
    let snapshot = state.registry.snapshot();
    let book = Arc::clone(&state.book);
    let process = Process {
        started: state.started_at,
        connections: state.front.open(),
        connections_max: state.front.open_max(),
        event_streams: state.streams.open(),
        journal: state.registry.commit_times().load(),
    };
    // With many mounts this takes a while, in which others want to be answered.
    let written = blocking::unblock(move || {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Scrape::of(&snapshot, &book, process)));
        let mut text = String::new();
        encode(&mut text, &registry).map(|()| text)
    });
    let text = written.await.map_err(|error| Problem::new(500, error.to_string()))?;
    Ok(model::reply(200, MEDIA_TYPE, text.into_bytes()))
}

/// What is not of mounts.
#[derive(Debug)]
struct Process {
    started: SystemTime,
    connections: usize,
    connections_max: usize,
    event_streams: usize,
    journal: Distribution,
}

/// All numbers at one moment.
#[derive(Debug)]
struct Scrape {
    mounts: Vec<Series>,
    totals: Totals,
    overview: Overview,
    usage: Usage,
    revision: u64,
    process: Process,
}

/// The numbers with one value of the label `mount`.
#[derive(Debug)]
struct Series {
    mount: Arc<str>,
    totals: Totals,
    gauges: Gauges,
}

impl Scrape {
    fn of(snapshot: &Snapshot, book: &Book, process: Process) -> Self {
        let handle = |stats: &Stats| {
            let record = snapshot.mounts.get(&**stats.id())?;
            // Not that of a mount of the same name which is gone.
            record.handle.stats().is_some_and(|current| std::ptr::eq(current, stats)).then_some(&record.handle)
        };
        let survey = book.survey(METRICS_MOUNTS_MAX, |stats| handle(stats).is_some());
        let overview = Overview::of(snapshot);
        let mut apart = Gauges::default();
        let mut mounts = Vec::with_capacity(survey.own.len() + 1);
        for (stats, totals) in survey.own {
            let gauges = handle(&stats).map(Gauges::of).unwrap_or_default();
            apart.add(gauges);
            mounts.push(Series { mount: Arc::clone(stats.id()), totals, gauges });
        }
        mounts.sort_by(|one, other| one.mount.cmp(&other.mount));
        mounts.push(Series { mount: REST.into(), totals: survey.rest, gauges: overview.gauges.without(apart) });
        Self { mounts, totals: survey.totals, overview, usage: Usage::now(), revision: snapshot.revision, process }
    }

    fn encode_mounts(&self, page: &mut Page<'_>) -> fmt::Result {
        page.counter("standin_mount_requests", "Requests that have ended, by class of the status", |family| {
            self.each(|series, mount| {
                Class::ALL
                    .into_iter()
                    .try_for_each(|class| family.counter(&[mount, ("class", class.name())], series.totals.of(class)))
            })
        })?;
        page.counter("standin_mount_failures", "Exchanges that failed, by whose fault it was", |family| {
            self.each(|series, mount| {
                Failure::APART.into_iter().try_for_each(|failure| {
                    family.counter(&[mount, ("fault", failure.name())], series.totals.failed(failure))
                })
            })
        })?;
        page.counter("standin_mount_refusals", "Requests that were refused, by reason", |family| {
            self.each(|series, mount| {
                Reason::ALL.into_iter().try_for_each(|reason| match series.totals.failed(Failure::Refused(reason)) {
                    // Most mounts refuse for no reason, ever.
                    0 => Ok(()),
                    count => family.counter(&[mount, ("reason", reason.name())], count),
                })
            })
        })?;
        let help = "From the whole head of a request to the last byte of its reply";
        page.family("standin_mount_request_duration_seconds", help, MetricType::Histogram, |family| {
            self.each(|series, mount| family.histogram(&[mount], &series.totals.latency))
        })?;
        page.counter("standin_mount_received_bytes", "Content received from clients", |family| {
            self.each(|series, mount| family.counter(&[mount], series.totals.received_bytes()))
        })?;
        page.counter("standin_mount_sent_bytes", "Content sent to clients", |family| {
            self.each(|series, mount| family.counter(&[mount], series.totals.sent_bytes()))
        })?;
        page.counter("standin_mount_restarts", "Times that a mount's actor was started again", |family| {
            self.each(|series, mount| family.counter(&[mount], series.totals.restarts()))
        })?;
        page.gauges("standin_mount_in_flight", "Requests on their way", |family| {
            self.each(|series, mount| family.gauge(&[mount], series.gauges.in_flight))
        })?;
        page.gauges("standin_mount_tunnels", "Tunnels that are open", |family| {
            self.each(|series, mount| family.gauge(&[mount], series.gauges.tunnels))
        })?;
        page.gauges("standin_mount_pool_connections", "Connections to upstreams", |family| {
            self.each(|series, mount| {
                let Gauges { pool_idle, pool_open, .. } = series.gauges;
                family.gauge(&[mount, ("state", "idle")], pool_idle)?;
                family.gauge(&[mount, ("state", "busy")], pool_open.saturating_sub(pool_idle))
            })
        })
    }

    fn each(&self, mut tell: impl FnMut(&Series, (&'static str, &str)) -> fmt::Result) -> fmt::Result {
        self.mounts.iter().try_for_each(|series| tell(series, ("mount", &series.mount)))
    }

    fn encode_process(&self, page: &mut Page<'_>) -> fmt::Result {
        let Process { started, connections, connections_max, event_streams, journal } = &self.process;
        page.counter("standin_requests", "Requests of all mounts that there are and were", |family| {
            Class::ALL
                .into_iter()
                .try_for_each(|class| family.counter(&[("class", class.name())], self.totals.of(class)))
        })?;
        page.gauges("standin_mounts", "Mounts, by state", |family| {
            Lifecycle::WORDS
                .iter()
                .zip(self.overview.states)
                .try_for_each(|(state, count)| family.gauge(&[("state", *state)], count))
        })?;
        page.gauge("standin_revision", "Changes of the set of mounts that were ever made", Some(self.revision))?;
        page.gauge("standin_connections", "Client connections", Some(*connections as u64))?;
        page.gauge("standin_connections_max", "Client connections that there may be", Some(*connections_max as u64))?;
        page.gauge("standin_event_streams", "Streams of events of the admin API", Some(*event_streams as u64))?;
        let help = "How long the store took to make changes durable";
        page.family("standin_journal_commit_duration_seconds", help, MetricType::Histogram, |family| {
            histogram(&mut family.0, journal)
        })?;
        page.family("standin_build", "The version that runs", MetricType::Info, |family| {
            family.0.encode_info(&[("version", env!("CARGO_PKG_VERSION"))])
        })?;
        let Usage { resident_bytes, descriptors, descriptors_max } = self.usage;
        page.gauge("process_resident_memory_bytes", "Resident memory", resident_bytes)?;
        page.gauge("process_open_fds", "File descriptors that are open", descriptors)?;
        page.gauge("process_max_fds", "File descriptors that may be open", descriptors_max)?;
        let started_s = started.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs());
        page.gauge("process_start_time_seconds", "When the process began, in Unix time", started_s)
    }
}

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page(encoder);
        self.encode_process(&mut page)?;
        self.encode_mounts(&mut page)
    }
}

/// The metrics that are being written.
struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    fn family(
        &mut self,
        name: &str,
        help: &str,
        kind: MetricType,
        tell: impl FnOnce(&mut Family<'_>) -> fmt::Result,
    ) -> fmt::Result {
        tell(&mut Family(self.0.encode_descriptor(name, help, None, kind)?))
    }

    fn counter(&mut self, name: &str, help: &str, tell: impl FnOnce(&mut Family<'_>) -> fmt::Result) -> fmt::Result {
        self.family(name, help, MetricType::Counter, tell)
    }

    fn gauges(&mut self, name: &str, help: &str, tell: impl FnOnce(&mut Family<'_>) -> fmt::Result) -> fmt::Result {
        self.family(name, help, MetricType::Gauge, tell)
    }

    /// One number; nothing where it is not known.
    fn gauge(&mut self, name: &str, help: &str, value: Option<u64>) -> fmt::Result {
        let Some(value) = value else { return Ok(()) };
        self.gauges(name, help, |family| family.0.encode_gauge(&value))
    }
}

/// The series of one metric.
struct Family<'a>(MetricEncoder<'a>);

impl Family<'_> {
    fn counter(&mut self, labels: &impl EncodeLabelSet, value: u64) -> fmt::Result {
        self.0.encode_family(labels)?.encode_counter::<NoLabelSet, u64, f64>(&value, None)
    }

    fn gauge(&mut self, labels: &impl EncodeLabelSet, value: u64) -> fmt::Result {
        self.0.encode_family(labels)?.encode_gauge(&value)
    }

    fn histogram(&mut self, labels: &impl EncodeLabelSet, of: &Distribution) -> fmt::Result {
        histogram(&mut self.0.encode_family(labels)?, of)
    }
}

fn histogram(encoder: &mut MetricEncoder<'_>, of: &Distribution) -> fmt::Result {
    encoder.encode_histogram::<NoLabelSet>(of.sum_s(), of.count(), &of.coarse(), None)
}
