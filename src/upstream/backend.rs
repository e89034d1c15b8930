//! A mount's `HttpClient`: from an exchange that says where it goes to a reply
//! whose body is still coming.

use super::connection::{Connection, InFlight};
use super::pool::Pool;
use super::retry;
use crate::error::{Error, Kind};
use crate::exchange::{Destination, Exchange, Outbound, Reply, ReplyBody, shell};
use crate::limits::CONNECT_MAX;
use crate::net::policy::Own;
use crate::net::{Access, Deadline, DialError, Dialer, Timer};
use futures_lite::future;
use std::sync::Arc;
use std::task::Poll;

/// The upstream side of one mount.
#[derive(Debug)]
pub struct Backend {
    pool: Arc<Pool>,
    dialer: Dialer,
}

impl Backend {
    /// One with a pool of its own.
    #[must_use]
    pub fn new(dialer: Dialer, timer: Arc<Timer>) -> Self {
        Self { pool: Pool::new(timer), dialer }
    }

    async fn forward(&self, exchange: &mut Exchange) -> Result<Reply, Error> {
        let outbound = exchange.outbound.take().ok_or(Kind::Internal)?;
        let pooled = self.pool.take(&outbound.destination);
        let first = match pooled {
            Some(connection) => connection,
            None => self.dial(&outbound.destination, &exchange.deadline).await?,
        };
        let (mut flight, answer) = self.attempt(first, exchange, &outbound).await;
        let answer = match answer {
            Err(error) if retry::may_replay(flight.attempt(exchange.head.method(), error.kind())) => {
                let fresh = self.dial(&outbound.destination, &exchange.deadline).await?;
                let (second, answer) = self.attempt(fresh, exchange, &outbound).await;
                flight = second;
                answer
            }
            answer => answer,
        };
        let (head, framing) = answer?;
        Ok(Reply { head, framing, body: ReplyBody::Stream(flight), credit: exchange.credit.take(), close: false })
    }

    async fn attempt(
        &self,
        connection: Connection,
        exchange: &Exchange,
        outbound: &Outbound,
    ) -> (Box<InFlight>, Result<(crate::message::ResponseHead, crate::http1::Framing), Error>) {
        let mut flight = InFlight::new(connection, &self.pool, exchange, outbound);
        let answer = future::poll_fn(|cx| flight.poll_head(cx)).await;
        (flight, answer)
    }

    async fn dial(&self, destination: &Destination, deadline: &Deadline) -> Result<Connection, Error> {
        deadline.arm(CONNECT_MAX);
        let too_late = future::poll_fn(|cx| match deadline.poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(Error::from(Kind::ConnectTimeout))),
            Poll::Pending => Poll::Pending,
        });
        let dialled = async {
            let stream = self.dialer.dial(&destination.host, destination.port, destination.access).await;
            stream.map(Connection::new).map_err(|error| refused(error, destination.access))
        };
        future::or(dialled, too_late).await
    }
}

fn refused(error: DialError, access: Access) -> Error {
    match error {
        DialError::Resolve(error) => Error::new(Kind::Resolve, error),
        DialError::Connect(address, error) => Error::new(Kind::Connect, format_args!("{address}: {error}")),
        DialError::Refused(address) if access == Access::Local => Error::new(Kind::AddressRefused, address),
        // The client named the host, so it is the client that is refused.
        DialError::Refused(address) => Error::new(Kind::HostNotAllowed, address),
        DialError::Own(Own::Front) => Kind::Loop.into(),
        DialError::Own(Own::Admin) => Kind::OwnAdmin.into(),
    }
}

#[tide::utils::async_trait]
impl http_client::HttpClient for Backend {
    async fn send(&self, mut request: http_types::Request) -> Result<http_types::Response, http_types::Error> {
        let outcome = match shell::exchange(&mut request) {
            Ok(exchange) => self.forward(exchange).await,
            Err(error) => Err(error),
        };
        Ok(shell::carry_back(outcome))
    }
}
