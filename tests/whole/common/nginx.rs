//! Debian's nginx as an origin: files below `www`, compressed for who asks for
//! it; uploads to `www/upload`, and small ones only to `www/little`.

use super::directory::Directory;
use super::running::{Running, Watch};
use super::tls::Identity;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Command;

/// A running nginx.
pub(crate) struct Nginx {
    pub(crate) address: SocketAddr,
    directory: Directory,
    _running: Running,
}

/// Another program may take the port between our looking and nginx's binding.
const ATTEMPTS_MAX: usize = 5;

impl Nginx {
    pub(crate) fn start() -> Self {
        Self::serving(None)
    }

    /// One that speaks TLS, as that identity.
    pub(crate) fn with_tls(identity: &Identity) -> Self {
        Self::serving(Some(identity))
    }

    fn serving(identity: Option<&Identity>) -> Self {
        let directory = Directory::new();
        for name in ["www", "www/upload", "www/little", "temp"] {
            std::fs::create_dir(directory.join(name)).unwrap();
        }
        let files = identity.map(|identity| identity.write(&directory, "server"));
        for _ in 0..ATTEMPTS_MAX {
            let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            let path = directory.join("nginx.conf");
            std::fs::write(&path, configuration(&directory, address, files.as_ref())).unwrap();
            let mut command = Command::new("/usr/sbin/nginx");
            command.args(["-e", "stderr", "-c"]).arg(&path).arg("-p").arg(directory.path());
            let running = Running::start(&mut command, Watch::Stderr);
            // Told after the port is bound.
            match running.lines_until(|line| line.contains("getrlimit")) {
                Ok(_) => return Self { address, directory, _running: running },
                Err(lines) => assert!(lines.iter().any(|line| line.contains("bind()")), "nginx ended: {lines:#?}"),
            }
        }
        panic!("no free port for nginx");
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.join("www").join(name)
    }
}

fn configuration(directory: &Directory, address: SocketAddr, files: Option<&(PathBuf, PathBuf)>) -> String {
    let base = directory.path().display();
    let temps: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("    {name}_temp_path {base}/temp/{name};\n"))
        .concat();
    let tls = files.map_or_else(String::new, |(certificate, key)| {
        format!("ssl_certificate {}; ssl_certificate_key {};", certificate.display(), key.display())
    });
    let ssl = if files.is_some() { " ssl" } else { "" };
    // One process: killed at once, it leaves no worker behind.
    format!(
        "daemon off;
master_process off;
pid {base}/nginx.pid;
error_log stderr notice;
events {{ worker_connections 1024; }}
http {{
{temps}    access_log off;
    client_max_body_size 0;
    server {{
        listen {address}{ssl};
        {tls}
        root {base}/www;
        gzip on;
        gzip_proxied any;
        gzip_types text/plain;
        location /upload {{ dav_methods PUT; create_full_put_path on; }}
        location /little {{ dav_methods PUT; client_max_body_size 1m; }}
    }}
}}
"
    )
}
