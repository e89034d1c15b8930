//! `standin serve`: run until told to stop.

use super::Failure;
use super::output::{complain, remark, say};
use crate::front::access_log;
use crate::net::Endpoint;
use crate::oplog;
use crate::server::Server;
use crate::service;
use crate::settings::{ServeArguments, Settings};
use async_signal::{Signal, Signals};
use futures_lite::{StreamExt, future};

/// Runs the proxy.
pub fn run(mut arguments: ServeArguments) -> Result<(), Failure> {
    let inherited = service::inherit().map_err(Failure::Usage)?;
    inherited.overrule(&mut arguments).map_err(|error| Failure::Failed(error.to_string()))?;
    let settings = Settings::resolve(arguments).map_err(Failure::Usage)?;
    let demo = settings.demo;
    settings.remarks.iter().for_each(|line| remark(line));
    let drain_delay = settings.drain_delay;
    // What is written to it is the access log alone, if that goes there.
    let stdout_is_free = !settings.access_log.as_ref().is_some_and(access_log::Settings::is_on_stdout);
    // That nobody can be told what it does is no reason to serve nobody.
    let tell = if stdout_is_free { |line: &str| drop(say(line)) } else { remark };
    oplog::start(stdout_is_free);
    // Each request may need two descriptors, and the usual soft limit is 1024.
    // Without it the server works all the same, with fewer at a time.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let mut signals =
        Signals::new([Signal::Term, Signal::Int, Signal::Hup]).map_err(|error| Failure::Failed(error.to_string()))?;
    let server = Server::start(settings, inherited).map_err(Failure::Failed)?;
    greet(&server, demo, tell);
    service::tell_ready();
    let unfinished = future::block_on(async {
        told_to_stop(&mut signals, &server).await;
        server.begin_stop();
        service::tell_stopping();
        if drain_delay.is_zero() {
            tell("stopping: no new connections, requests in progress may finish; a second signal ends at once");
        } else {
            let delay = drain_delay.as_secs_f64();
            tell(&format!("stopping: no longer ready, serving on for {delay} s; a second signal ends at once"));
        }
        server.stop(told_to_stop(&mut signals, &server)).await
    });
    match unfinished {
        0 => {
            tell("stopped");
            Ok(())
        }
        1 => Err(Failure::Failed("stopped; 1 connection was cut off".into())),
        count => Err(Failure::Failed(format!("stopped; {count} connections were cut off"))),
    }
}

/// Waits for the signal to stop. SIGHUP is the wish for a new log file, with or
/// without a log: who rotates logs need not know which it is.
async fn told_to_stop(signals: &mut Signals, server: &Server) {
    while let Some(Ok(Signal::Hup)) = signals.next().await {
        server.reopen_access_log();
    }
}

fn greet(server: &Server, demo: bool, tell: fn(&str)) {
    tell(&format!("standin {}", env!("CARGO_PKG_VERSION")));
    tell(&format!("  front  {}/", server.front));
    match &server.admin {
        Endpoint::Tcp(_) => {
            tell(&format!("  admin  {}/", server.admin));
            tell(&format!("  UI     {}/#token={}", server.admin, server.token.reveal()));
        }
        Endpoint::Unix(_) => tell(&format!("  admin  {}", server.admin)),
    }
    if demo {
        tell(&format!("  demo   {}/demo/", server.front));
    }
    if let Endpoint::Tcp(address) = &server.admin
        && !address.ip().to_canonical().is_loopback()
    {
        complain("the admin API can be reached by other machines, unencrypted");
    }
    tell("ready");
}
