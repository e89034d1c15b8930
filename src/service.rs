//! The service manager (systemd, or another that speaks its protocol): the
//! sockets that it hands over, and what it is told.
//!
//! Owns the environment variables of that protocol, `LISTEN_…` and
//! `NOTIFY_SOCKET`. Without a service manager none of this does anything.

use crate::net::Socket;
use crate::oplog;
use crate::settings::ServeArguments;
use listenfd::ListenFd;
use sd_notify::NotifyState;
use std::io;

/// The sockets that were handed over.
#[derive(Debug, Default)]
pub struct Inherited {
    /// The first one, for clients.
    pub front: Option<Socket>,
    /// The second one, for the admin API.
    pub admin: Option<Socket>,
}

/// Takes the sockets that were handed over (`LISTEN_FDS`); the error says what
/// to change. To be called once, and before any thread is started, because it
/// takes the variables out of the environment.
pub fn inherit() -> Result<Inherited, String> {
    let mut handed = ListenFd::from_env();
    if handed.len() > 2 {
        return Err(format!(
            "{} sockets were handed over (LISTEN_FDS); give one for clients and, if wanted, one for the admin API",
            handed.len()
        ));
    }
    let front = tcp(&mut handed, 0).map_err(|error| told("first", "a TCP socket that listens", &error))?;
    let admin =
        tcp_or_unix(&mut handed, 1).map_err(|error| told("second", "a TCP or Unix socket that listens", &error))?;
    Ok(Inherited { front, admin })
}

impl Inherited {
    /// Puts where these sockets listen in place of what was said about it, so
    /// that it is checked like that.
    pub fn overrule(&self, arguments: &mut ServeArguments) -> io::Result<()> {
        for (socket, argument) in [(&self.front, &mut arguments.listen), (&self.admin, &mut arguments.admin)] {
            if let Some(socket) = socket {
                *argument = Some(socket.endpoint()?.to_string());
            }
        }
        Ok(())
    }
}

fn tcp(handed: &mut ListenFd, index: usize) -> io::Result<Option<Socket>> {
    handed.take_tcp_listener(index)?.map(Socket::inherited_tcp).transpose()
}

fn tcp_or_unix(handed: &mut ListenFd, index: usize) -> io::Result<Option<Socket>> {
    match handed.take_unix_listener(index) {
        Ok(listener) => listener.map(Socket::inherited_unix).transpose(),
        Err(_) => tcp(handed, index),
    }
}

fn told(which: &str, wanted: &str, error: &io::Error) -> String {
    format!("the {which} socket that was handed over (LISTEN_FDS) is not {wanted}: {error}")
}

/// Requests are served from now on.
pub fn tell_ready() {
    tell(&NotifyState::Ready);
}

/// It is going to end.
pub fn tell_stopping() {
    tell(&NotifyState::Stopping);
}

fn tell(state: &NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(std::slice::from_ref(state)) {
        oplog::warn(format_args!("the service manager (NOTIFY_SOCKET) could not be told {state}: {error}"));
    }
}
