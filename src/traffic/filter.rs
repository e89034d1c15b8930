//! Which exchanges somebody wants to hear of. Pure.

use crate::limits::{TRAFFIC_FILTER_MEMBERS_MAX, TRAFFIC_SAMPLE_MAX};
use std::time::Duration;

/// What is asked of an exchange to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// One of these; none is any.
    statuses: Vec<Status>,
    /// One of these; none is any.
    methods: Vec<String>,
    path_prefix: Vec<u8>,
    took_min: Duration,
    /// One in how many of those that are wanted is told.
    sample: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    /// By its first digit.
    Class(u16),
    Code(u16),
}

impl Default for Filter {
    fn default() -> Self {
        let (statuses, methods, path_prefix) = (Vec::new(), Vec::new(), Vec::new());
        Self { statuses, methods, path_prefix, took_min: Duration::ZERO, sample: 1 }
    }
}

impl Filter {
    /// From the parameters of a query; the error says what would do.
    pub fn parse<'a>(parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, String> {
        let mut filter = Self::default();
        for (name, value) in parameters {
            match name {
                "status" => {
                    filter.statuses =
                        list(value, status, "status is a list like 2xx,404 of classes 1xx to 5xx and codes")?;
                }
                "method" => {
                    let method = |text: &str| crate::message::is_token(text.as_bytes()).then(|| text.to_owned());
                    filter.methods = list(value, method, "method is a list like GET,POST")?;
                }
                "path_prefix" if value.starts_with('/') => filter.path_prefix = value.into(),
                "path_prefix" => return Err("path_prefix begins with '/'".into()),
                "min_ms" => {
                    let most = u64::try_from(crate::limits::SETTING_MAX.as_millis()).unwrap_or(u64::MAX);
                    filter.took_min = Duration::from_millis(number(name, value, 0, most)?);
                }
                "sample" => filter.sample = number(name, value, 1, TRAFFIC_SAMPLE_MAX)?,
                _ => {
                    return Err(format!(
                        "there is no parameter '{name}'; those there are: status, method, path_prefix, min_ms, sample"
                    ));
                }
            }
        }
        Ok(filter)
    }

    /// True if a request like that may be wanted once it has ended.
    #[must_use]
    pub fn wants_request(&self, method: &[u8], path: &[u8]) -> bool {
        let is_method = self.methods.is_empty() || self.methods.iter().any(|wanted| wanted.as_bytes() == method);
        is_method && path.starts_with(&self.path_prefix)
    }

    /// True if one that ended like that is wanted. 0 is no status.
    #[must_use]
    pub fn wants_end(&self, status: u16, took: Duration) -> bool {
        let is = |wanted: &Status| match *wanted {
            Status::Class(class) => status / 100 == class,
            Status::Code(code) => status == code,
        };
        (self.statuses.is_empty() || self.statuses.iter().any(is)) && took >= self.took_min
    }

    /// True if that one of all that were wanted, counted from 0, is told.
    #[must_use]
    pub fn samples(&self, number: u64) -> bool {
        number.is_multiple_of(self.sample)
    }
}

fn list<T>(value: &str, member: impl Fn(&str) -> Option<T>, what: &str) -> Result<Vec<T>, String> {
    let members: Option<Vec<T>> = value.split(',').map(|text| member(text.trim())).collect();
    members.filter(|members| members.len() <= TRAFFIC_FILTER_MEMBERS_MAX).ok_or_else(|| what.to_owned())
}

fn status(text: &str) -> Option<Status> {
    let digits = text.strip_suffix("xx").or_else(|| text.strip_suffix("XX"));
    let number =
        |text: &str| crate::message::parse_digits(text.as_bytes()).and_then(|number| u16::try_from(number).ok());
    match digits {
        Some(class) => number(class).filter(|class| (1..=5).contains(class)).map(Status::Class),
        None => number(text).filter(|code| (100..=599).contains(code)).map(Status::Code),
    }
}

fn number(name: &str, value: &str, least: u64, most: u64) -> Result<u64, String> {
    let number = crate::message::parse_digits(value.as_bytes()).filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("{name} is a whole number from {least} to {most}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_wants_what_all_its_parts_want() {
        let filter = Filter::parse([
            ("status", "2xx, 404"),
            ("method", "GET,PURGE"),
            ("path_prefix", "/a"),
            ("min_ms", "5"),
            ("sample", "3"),
        ])
        .unwrap();
        assert!(filter.wants_request(b"GET", b"/a/b") && filter.wants_request(b"PURGE", b"/a"));
        assert!(!filter.wants_request(b"POST", b"/a") && !filter.wants_request(b"GET", b"/b"));
        let took = Duration::from_millis(5);
        assert!(filter.wants_end(204, took) && filter.wants_end(404, took));
        assert!(!filter.wants_end(500, took) && !filter.wants_end(0, took));
        assert!(!filter.wants_end(200, Duration::from_millis(4)));
        assert_eq!((0..7).filter(|number| filter.samples(*number)).collect::<Vec<_>>(), [0, 3, 6]);
    }

    #[test]
    fn nothing_said_wants_all() {
        let filter = Filter::parse([]).unwrap();
        assert!(filter.wants_request(b"X", b"*") && filter.wants_end(0, Duration::ZERO));
        assert!((0..3).all(|number| filter.samples(number)));
    }

    #[test]
    fn what_is_no_filter_is_refused_with_what_would_do() {
        for (name, value) in [
            ("status", "6xx"),
            ("status", "600"),
            ("status", ""),
            ("status", "2xx,"),
            ("method", "G T"),
            ("path_prefix", "a"),
            ("min_ms", "-1"),
            ("min_ms", "86400001"),
            ("sample", "0"),
            ("statuses", "200"),
        ] {
            let refused = Filter::parse([(name, value)]).unwrap_err();
            assert!(refused.contains(name), "{refused}");
        }
    }
}
