//! A client of a stream of server-sent events, which parses what it gets as
//! strictly as it is to be written.

use super::admin::Call;
use super::client::{Raw, Response};
use serde_json::Value;

/// An event as it came.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    pub(crate) id: Option<u64>,
    pub(crate) name: String,
    pub(crate) data: Value,
}

/// A stream that is open.
#[derive(Debug)]
pub(crate) struct Events {
    client: Raw,
    /// What came and was not asked for yet.
    text: String,
}

impl Events {
    /// Over a connection on which the call was sent.
    pub(crate) fn over(mut client: Raw) -> Result<Self, Response> {
        let head = client.head();
        if !head.starts_with(b"HTTP/1.1 200 ") {
            return Err(client.response_behind(head).unwrap());
        }
        let text = String::from_utf8(head).unwrap();
        assert!(text.contains("Content-Type: text/event-stream\r\n") && text.contains("Cache-Control: no-store\r\n"));
        Ok(Self { client, text: String::new() })
    }

    pub(crate) fn open(call: Call) -> Self {
        Self::over(call.begin()).unwrap_or_else(|refused| panic!("{}", refused.text()))
    }

    /// The next event; comments are passed over. None where the stream ends.
    pub(crate) fn try_next(&mut self) -> Option<Event> {
        loop {
            while let Some(end) = self.text.find("\n\n") {
                let block: String = self.text.drain(..end + 2).collect();
                if let Some(event) = parse(block.trim_end()) {
                    return Some(event);
                }
            }
            let chunk = self.client.chunk()?;
            self.text.push_str(&String::from_utf8(chunk).unwrap());
        }
    }

    pub(crate) fn next(&mut self) -> Event {
        self.try_next().expect("an event")
    }

    /// The next event that is a revision.
    pub(crate) fn next_revision(&mut self) -> u64 {
        loop {
            if let Event { id: Some(id), name, data } = self.next()
                && name != "hello"
            {
                assert_eq!((&data["revision"], &data["action"]), (&Value::from(id), &Value::from(name)));
                return id;
            }
        }
    }
}

fn parse(block: &str) -> Option<Event> {
    let mut event = Event { id: None, name: String::new(), data: Value::Null };
    for line in block.lines() {
        let (name, value) = line.split_once(": ").unwrap_or((line, ""));
        match name {
            "" | ":" => return None,
            "id" => event.id = Some(value.parse().unwrap()),
            "event" => event.name = value.to_owned(),
            "data" => event.data = serde_json::from_str(value).unwrap(),
            _ => panic!("{block}"),
        }
    }
    Some(event)
}
