//! A mount's `HttpClient`: from an exchange that says where it goes to a reply
//! whose body is still coming.

use super::connection::{Connection, InFlight};
use super::pool::{Place, Pool};
use super::retry;
use crate::error::{Error, Kind};
use crate::exchange::shell::{self, Outcome};
use crate::exchange::{Credit, Destination, Exchange, Notes, Outbound, Reply, ReplyBody};
use crate::http1::Framing;
use crate::message::ResponseHead;
use crate::net::dial::Host;
use crate::net::policy::Own;
use crate::net::trust::Unusable;
use crate::net::{Access, DialError, Dialer, Stream, Timer, TlsFault, Trust, tls};
use futures_lite::future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

/// The upstream side of one mount.
#[derive(Debug)]
pub struct Backend {
    pool: Arc<Pool>,
    dialer: Dialer,
}

impl Backend {
    /// One with a pool of its own, which dials on its own behalf.
    #[must_use]
    pub fn new(dialer: Dialer, timer: Arc<Timer>) -> Self {
        Self { pool: Pool::new(timer), dialer: dialer.for_another() }
    }

    /// Its connections.
    #[must_use]
    pub fn pool(&self) -> Arc<Pool> {
        Arc::clone(&self.pool)
    }

    async fn forward(&self, exchange: &mut Exchange) -> Outcome {
        let outbound = exchange.outbound.take().ok_or(Kind::Internal)?;
        let pooled = self.pool.take(&outbound.destination);
        let first = match pooled {
            Some(connection) => connection,
            None => Box::pin(self.dial(&outbound.destination, exchange)).await?,
        };
        let (mut flight, answer) = attempt(first, &self.pool, exchange, &outbound).await?;
        let answer = match answer {
            Err(error) if retry::may_replay(flight.attempt(exchange.head.method(), error.kind())) => {
                let fresh = Box::pin(self.dial(&outbound.destination, exchange)).await?;
                let (second, answer) = attempt(fresh, &self.pool, exchange, &outbound).await?;
                flight = second;
                answer
            }
            answer => answer,
        };
        let (head, framing) = answer?;
        if let Some(notes) = &exchange.notes {
            notes.note(|facts| facts.first_byte = Some(notes.elapsed()));
        }
        let (body, credit) = match head.status {
            101 => (ReplyBody::Tunnel(Box::new(flight.into_tunnel()?)), exchange.tunnel_credit.take()),
            _ => (ReplyBody::Stream(flight), exchange.credit.take()),
        };
        let takes_trailers = exchange.takes_trailers;
        Ok(Box::new(Reply { head, framing, body, credit, close: false, takes_trailers }))
    }

    async fn dial(&self, destination: &Destination, exchange: &Exchange) -> Result<Connection, Error> {
        let deadline = &exchange.deadline;
        deadline.arm(exchange.bounds.connect);
        let begun = exchange.notes.as_ref().map(Notes::elapsed);
        let too_late = future::poll_fn(|cx| match deadline.poll(cx) {
            Poll::Ready(()) if deadline.is_total_over() => Poll::Ready(Err(Error::from(Kind::TotalTimeout))),
            Poll::Ready(()) => Poll::Ready(Err(Error::from(Kind::ConnectTimeout))),
            Poll::Pending if exchange.credit.as_ref().is_some_and(Credit::is_cut) => {
                Poll::Ready(Err(Error::from(Kind::Cut)))
            }
            Poll::Pending => Poll::Pending,
        });
        let dialled = async {
            let dialled = self.dialer.dial(&destination.host, destination.port, &destination.reach).await;
            let stream = dialled.map_err(|error| refused(error, destination.reach.access))?;
            match &destination.trust {
                None => Ok(Connection::new(stream, None, self.pool.place())),
                // On the heap, so that plain connections need no room for it.
                Some(trust) => Box::pin(shake_hands(stream, trust, &destination.host, self.pool.place())).await,
            }
        };
        let connection = future::or(dialled, too_late).await?;
        if let (Some(notes), Some(begun)) = (&exchange.notes, begun) {
            notes.note(|facts| facts.connect = Some(notes.elapsed() - begun));
        }
        Ok(connection)
    }
}

/// Sends the request on that connection and waits for the head of the answer;
/// an error of its own where there is nothing to send.
async fn attempt(
    connection: Connection,
    pool: &Arc<Pool>,
    exchange: &Exchange,
    outbound: &Outbound,
) -> Result<(Box<InFlight>, Result<(ResponseHead, Framing), Error>), Error> {
    if let Some(notes) = &exchange.notes {
        notes.note(|facts| {
            facts.upstream = connection.stream().peer_address();
            facts.upstream_reused = connection.is_reused();
        });
    }
    let mut flight = InFlight::new(connection, pool, exchange, outbound)?;
    let answer = future::poll_fn(|cx| flight.poll_head(cx, exchange.credit.as_ref())).await;
    Ok((flight, answer))
}

async fn shake_hands(stream: Stream, trust: &Trust, host: &Host, place: Place) -> Result<Connection, Error> {
    let unusable = |why: Unusable| {
        Error::new(Kind::UpstreamTls(TlsFault::Setup), format_args!("tls.{}: {}", why.member, why.detail))
    };
    let (config, name) = (trust.config().map_err(unusable)?, trust.name(host).map_err(unusable)?);
    match tls::connect(stream, Arc::clone(&config), name).await {
        Ok(stream) => Ok(Connection::new(stream, Some(config), place)),
        Err((fault, error)) => Err(Error::new(Kind::UpstreamTls(fault), error)),
    }
}

fn refused(error: DialError, access: Access) -> Error {
    match error {
        DialError::Resolve(error) => Error::new(Kind::Resolve, error),
        DialError::Connect(_, error) if is_out_of_descriptors(&error) => Error::new(Kind::OutOfDescriptors, error),
        DialError::Connect(address, error) => Error::new(Kind::Connect, format_args!("{address}: {error}")),
        DialError::Refused(address) if access == Access::Local => Error::new(Kind::AddressRefused, address),
        // The client named the host, so it is the client that is refused.
        DialError::Refused(address) => Error::new(Kind::HostNotAllowed, address),
        DialError::Own(Own::Front) => Kind::Loop.into(),
        DialError::Own(Own::Admin) => Kind::OwnAdmin.into(),
    }
}

/// EMFILE or ENFILE, which the standard library has no names for.
fn is_out_of_descriptors(error: &std::io::Error) -> bool {
    matches!(error.raw_os_error(), Some(23 | 24))
}

/// Written out, because what an `async fn` is given is kept in its future, and a
/// request is large.
impl http_client::HttpClient for Backend {
    fn send<'life, 'call>(
        &'life self,
        request: http_types::Request,
    ) -> Pin<Box<dyn Future<Output = Result<http_types::Response, http_types::Error>> + Send + 'call>>
    where
        'life: 'call,
    {
        let exchange = shell::exchange(request);
        Box::pin(async move {
            let outcome = match exchange {
                Ok(mut exchange) => self.forward(&mut exchange).await,
                Err(error) => Err(error),
            };
            Ok(shell::carry_back(outcome))
        })
    }
}
