//! A client that follows a stream of server-sent events.

use super::client::Raw;
use super::wire::End;
use serde_json::{Value, json};

/// An open stream.
#[derive(Debug)]
pub(crate) struct Events {
    client: Raw,
    /// What came and is not an event yet.
    text: String,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) id: Option<String>,
    pub(crate) name: String,
    /// The data as JSON.
    pub(crate) data: Value,
}

impl Told {
    /// The id as a number.
    pub(crate) fn revision(&self) -> Option<u64> {
        self.id.as_ref().map(|id| id.parse().unwrap())
    }
}

impl Events {
    /// Behind the head of a chunked reply.
    pub(crate) fn behind_head(client: Raw) -> Self {
        Self { client, text: String::new() }
    }

    /// The next event; comments are skipped.
    pub(crate) fn next(&mut self) -> Told {
        self.try_next().expect("an event")
    }

    /// The same; the end where the server has ended the stream.
    pub(crate) fn try_next(&mut self) -> Result<Told, End> {
        loop {
            while let Some((event, rest)) = self.text.split_once("\n\n") {
                let told = parse(event);
                self.text = rest.to_owned();
                if let Some(told) = told {
                    return Ok(told);
                }
            }
            self.chunk()?;
        }
    }

    /// The next event that is a revision; others are passed over.
    pub(crate) fn next_revision(&mut self) -> u64 {
        loop {
            let told = self.next();
            if let Some(revision) = told.revision().filter(|_| told.name != "hello") {
                assert_eq!((&told.data["revision"], &told.data["action"]), (&json!(revision), &json!(told.name)));
                return revision;
            }
        }
    }

    /// Waits until the server ends the stream, as its framing says.
    pub(crate) fn expect_end(&mut self) {
        assert_eq!(self.try_next(), Err(End::Closed));
    }

    /// Goes away.
    pub(crate) fn close(self) {
        drop(self.client);
    }

    fn chunk(&mut self) -> Result<(), End> {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            line.extend(self.client.try_part(1)?);
        }
        let digits = std::str::from_utf8(&line).unwrap().trim();
        let size = usize::from_str_radix(digits, 16).unwrap_or_else(|_| panic!("not a chunk size: {digits:?}"));
        let content = self.client.try_part(size)?;
        assert_eq!(self.client.try_part(2)?, b"\r\n");
        if size == 0 {
            return Err(End::Closed);
        }
        self.text.push_str(std::str::from_utf8(&content).unwrap());
        Ok(())
    }
}

fn parse(event: &str) -> Option<Told> {
    let field = |name: &str| {
        let of_name = |line: &str| line.strip_prefix(name)?.strip_prefix(": ").map(str::to_owned);
        event.lines().filter_map(of_name).collect::<Vec<_>>()
    };
    let data = field("data");
    (!data.is_empty()).then(|| Told {
        id: field("id").pop(),
        name: field("event").pop().unwrap_or_else(|| "message".into()),
        data: serde_json::from_str(&data.join("\n")).unwrap(),
    })
}
