//! The front router: a tide app with one endpoint, which asks the table for
//! the mount and hands the exchange over.

use crate::error::{Error, Kind};
use crate::exchange::Exchange;
use crate::exchange::shell::{self, Outcome};
use crate::limits::ROUTE_LOOKS_MAX;
use crate::mount::{MountHandle, Table};
use arc_swap::ArcSwap;
use std::pin::Pin;
use std::sync::Arc;

/// The table that is current.
pub type Routes = Arc<ArcSwap<Table>>;

/// The front's tide app.
#[must_use]
pub fn app(routes: Routes) -> tide::Server<()> {
    let mut app = tide::new();
    // Every shell has the same target: routing by host and path is the table's.
    app.at("/").all(Gateway { routes });
    app
}

struct Gateway {
    routes: Routes,
}

/// Written out, because what an `async fn` is given is kept in its future, and a
/// request is large.
impl tide::Endpoint<()> for Gateway {
    fn call<'life, 'call>(
        &'life self,
        request: tide::Request<()>,
    ) -> Pin<Box<dyn Future<Output = tide::Result> + Send + 'call>>
    where
        'life: 'call,
    {
        let exchange = shell::exchange(request.into());
        Box::pin(async move {
            let outcome = match exchange {
                Ok(exchange) => self.answer(exchange).await,
                Err(error) => Err(error),
            };
            Ok(shell::carry_back(outcome).into())
        })
    }
}

impl Gateway {
    async fn answer(&self, mut exchange: Box<Exchange>) -> Outcome {
        let (mount, prefix_len) = self.admit(&mut exchange).await?;
        mount.forward(exchange, prefix_len).await
    }

    /// The mount that answers and has let the exchange in. One that is changed
    /// between the two is looked for again.
    async fn admit(&self, exchange: &mut Exchange) -> Result<(MountHandle, usize), Error> {
        let mut looks = 1;
        loop {
            let (mount, prefix_len) = self.find(exchange)?;
            match mount.admit(exchange).await {
                Ok(()) => return Ok((mount, prefix_len)),
                Err(error) if *error.kind() == Kind::Moved && looks < ROUTE_LOOKS_MAX => looks += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// The mount that answers, and how many bytes of the raw path it matched.
    fn find(&self, exchange: &Exchange) -> Result<(MountHandle, usize), Error> {
        let table = self.routes.load();
        let nobody = if exchange.route.is_absolute { Kind::Misdirected } else { Kind::NoMount };
        let found = table.find(exchange.host(), exchange.route.port, exchange.path()).ok_or(nobody)?;
        Ok((found.mount.clone(), found.prefix_len))
    }
}
