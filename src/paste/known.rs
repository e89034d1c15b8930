//! What is known of the code that Paste Deploy files name.
//!
//! Owns the entry points of Paste and PasteDeploy: which are proxies, which
//! filters change nothing that matters here, which guard something.

use super::deploy::Code;

/// What an application is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum App {
    /// `paste.proxy`'s `Proxy`.
    Proxy,
    /// Its `TransparentProxy`.
    TransparentProxy,
    /// Applications by URL.
    Urlmap,
    /// Something else; what to do instead.
    Other(&'static str),
}

/// What leaving out a filter means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// Nothing is lost, or something else does it.
    Replaced(&'static str),
    /// Clients may see a difference.
    Missed(&'static str),
    /// It may keep somebody out: without it nothing is served.
    Guard(&'static str),
}

const APPS: &[(&str, &str, App)] = &[
    ("proxy", "paste.proxy:make_proxy", App::Proxy),
    ("transparent_proxy", "paste.proxy:make_transparent_proxy", App::TransparentProxy),
    ("urlmap", "paste.urlmap:urlmap_factory", App::Urlmap),
    (
        "static",
        "paste.urlparser:make_static",
        App::Other(
            "serve its files with a web server, as in python3 -m http.server 9000 --bind 127.0.0.1 -d DIR, and put egg:Paste#proxy with that address in its place",
        ),
    ),
    (
        "cascade",
        "paste.cascade:make_cascade",
        App::Other("asking one upstream after the other is not done here; name the one that answers"),
    ),
];

const ELSEWHERE: App = App::Other(
    "it is Python code: serve it with a Python server of its own, as in waitress-serve --listen 127.0.0.1:9000, and put \
     egg:Paste#proxy with address = http://127.0.0.1:9000/ in its place",
);

/// What an application is.
#[must_use]
pub fn app(code: &Code) -> App {
    find(APPS, code).unwrap_or(ELSEWHERE)
}

fn find<T: Copy>(table: &[(&str, &str, T)], code: &Code) -> Option<T> {
    let is_it = |(entry, callable, _): &&(&str, &str, T)| match code {
        Code::Egg(distribution, name) => distribution == "paste" && name == entry,
        Code::Callable(name) => name == callable,
    };
    table.iter().find(is_it).map(|(_, _, found)| *found)
}

const GUARD: Filter = Filter::Guard("who may pass is decided by it");

const FILTERS: &[(&str, &str, Filter)] = &[
    ("translogger", "paste.translogger:make_filter", Filter::Replaced("requests are logged with --access-log PATH")),
    (
        "gzip",
        "paste.gzipper:make_gzip_middleware",
        Filter::Missed("replies are not compressed here; let the upstream do it, and do not suppress accept-encoding"),
    ),
    (
        "httpexceptions",
        "paste.httpexceptions:make_middleware",
        Filter::Replaced("no Python code raises anything here; failures are 502, 503 and 504"),
    ),
    (
        "error_catcher",
        "paste.exceptions.errormiddleware:make_error_middleware",
        Filter::Replaced("no Python code fails here; the operational log is on standard error"),
    ),
    ("evalerror", "paste.evalexception.middleware:make_eval_exception", Filter::Replaced("no Python code fails here")),
    ("cgitb", "paste.cgitb_catcher:make_cgitb_middleware", Filter::Replaced("no Python code fails here")),
    (
        "lint",
        "paste.lint:make_middleware",
        Filter::Replaced("there is no WSGI to check; messages that break HTTP are refused"),
    ),
    (
        "wdg_validate",
        "paste.debug.wdg_validate:make_wdg_validate_middleware",
        Filter::Missed("pages are not validated here"),
    ),
    ("printdebug", "paste.debug.prints:PrintDebugMiddleware", Filter::Replaced("nothing prints into pages here")),
    ("profile", "paste.debug.profile:make_profile_middleware", Filter::Replaced("no Python code runs here")),
    (
        "recursive",
        "paste.recursive:make_recursive_middleware",
        Filter::Replaced("a proxy makes no requests of its own"),
    ),
    (
        "registry",
        "paste.registry:make_registry_manager",
        Filter::Replaced("there are no request-local Python objects here"),
    ),
    ("config", "paste.config:make_config_filter", Filter::Replaced("no Python code reads configuration here")),
    (
        "paste_session",
        "paste.session:make_session_middleware",
        Filter::Replaced("a proxy uses no sessions; cookies pass"),
    ),
    (
        "flup_session",
        "paste.flup_session:make_session_middleware",
        Filter::Replaced("a proxy uses no sessions; cookies pass"),
    ),
    (
        "errordocument",
        "paste.errordocument:make_errordocument",
        Filter::Missed("pages of errors are passed as the upstream sends them; make them there"),
    ),
    ("pony", "paste.pony:make_pony", Filter::Replaced("it only adds a picture")),
    ("cowbell", "paste.cowbell:make_cowbell", Filter::Replaced("it only adds a picture")),
    (
        "auth_basic",
        "paste.auth.basic:make_basic",
        Filter::Guard("have the mount ask for the password: make it with identity.basic"),
    ),
    (
        "auth_digest",
        "paste.auth.digest:make_digest",
        Filter::Guard("have the mount ask for the password: make it with identity.basic, over TLS"),
    ),
    ("auth_cookie", "paste.auth.cookie:make_auth_cookie", GUARD),
    ("auth_form", "paste.auth.form:make_form", GUARD),
    ("auth_tkt", "paste.auth.auth_tkt:make_auth_tkt_middleware", GUARD),
    ("openid", "paste.auth.open_id:make_open_id_middleware", GUARD),
    (
        "grantip",
        "paste.auth.grantip:make_grantip",
        Filter::Guard("let a firewall decide which addresses may connect, or listen on 127.0.0.1"),
    ),
];

/// What leaving out a filter means.
#[must_use]
pub fn filter(code: &Code) -> Filter {
    let is_prefix = |code: &Code| match code {
        Code::Egg(distribution, name) => distribution == "pastedeploy" && name == "prefix",
        Code::Callable(name) => name == "paste.deploy.config:make_prefix_middleware",
    };
    if is_prefix(code) {
        return Filter::Missed(
            "it believed X-Forwarded-* of anybody; behind another proxy say whom to believe with forwarded.trusted_peers \
             of the mount",
        );
    }
    let unknown = Filter::Guard("what it does is not known here, and it may keep somebody out");
    find(FILTERS, code).unwrap_or(unknown)
}

/// What became of a key of `[server:main]`, besides host and port.
#[must_use]
pub fn server_key(key: &str) -> &'static str {
    match key {
        "protocol_version" => "HTTP/1.1 is spoken with whoever speaks it",
        "server_version" => "the upstream's Server is passed, and none is added",
        "socket_timeout" => "the bounds on clients are --head-timeout and --idle-timeout, and 'timeouts' of a mount",
        "request_queue_size" => {
            "the system's queue holds 1024 connections; --connections-max bounds those that are served"
        }
        "use_threadpool" | "daemon_threads" => "there are no threads per request",
        key if key.starts_with("threadpool_") => "there are no threads per request; --connections-max is the bound",
        _ => "no setting of Standin stands for it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_point_and_its_callable_are_the_same() {
        let egg = |distribution: &str, entry: &str| Code::Egg(distribution.into(), entry.into());
        assert_eq!(app(&egg("paste", "proxy")), App::Proxy);
        assert_eq!(app(&Code::Callable("paste.proxy:make_proxy".into())), App::Proxy);
        assert_eq!(app(&egg("other", "proxy")), ELSEWHERE);
        assert!(matches!(filter(&egg("paste", "translogger")), Filter::Replaced(_)));
        assert!(matches!(filter(&egg("pastedeploy", "prefix")), Filter::Missed(_)));
        for guard in ["auth_basic", "auth_tkt", "grantip"] {
            assert!(matches!(filter(&egg("paste", guard)), Filter::Guard(_)), "{guard}");
        }
        assert!(matches!(filter(&egg("diazo", "main")), Filter::Guard(_)), "what is not known may be a guard");
    }
}
