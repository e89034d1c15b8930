//! The front router: a tide app with one endpoint, which asks the table for
//! the mount and hands the exchange over.

use crate::error::{Error, Kind};
use crate::exchange::{Exchange, Reply, shell};
use crate::mount::Table;
use arc_swap::ArcSwap;
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

#[tide::utils::async_trait]
impl tide::Endpoint<()> for Gateway {
    async fn call(&self, mut request: tide::Request<()>) -> tide::Result {
        let outcome = match shell::take_exchange(request.as_mut()) {
            Some(exchange) => self.forward(exchange).await,
            None => Err(Error::new(Kind::Internal, "a request without its exchange")),
        };
        Ok(shell::carry_back(outcome).into())
    }
}

impl Gateway {
    async fn forward(&self, exchange: Exchange) -> Result<Reply, Error> {
        let (mount, prefix_len) = {
            let table = self.routes.load();
            let nobody = if exchange.route.is_absolute { Kind::Misdirected } else { Kind::NoMount };
            let found = table.find(exchange.host(), exchange.route.port, exchange.path()).ok_or(nobody)?;
            (found.mount.clone(), found.prefix_len)
        };
        mount.forward(exchange, prefix_len).await
    }
}
