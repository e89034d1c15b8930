//! The admin API from the command line: surf over async-h1, TCP or Unix.
//!
//! Owns finding the server and the token. Both ends are ours, so async-h1's
//! client is good enough here.

use super::Failure;
use crate::admin::Token;
use crate::net::Endpoint;
use crate::server::ADMIN_FILE;
use crate::settings::default_data_dir;
use clap::Args;
use http_types::{Method, Request, Response, Url};
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;

/// Which server, and how to be let in.
#[derive(Debug, Args)]
pub struct ClientArguments {
    /// The admin address: http://IP:PORT or unix:PATH [default: as the server of this data directory said]
    #[arg(long, env = "STANDIN_ADMIN", value_name = "ADDRESS", global = true)]
    server: Option<String>,

    /// The data directory of the server, with its token
    #[arg(long, env = "STANDIN_DATA_DIR", value_name = "DIR", global = true)]
    data_dir: Option<PathBuf>,

    /// The token itself, for servers of other users
    #[arg(long, env = "STANDIN_TOKEN", value_name = "TOKEN", global = true, hide_env_values = true)]
    token: Option<String>,
}

/// How long the server may take.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// A way to call one server.
pub struct Client {
    surf: surf::Client,
    endpoint: Endpoint,
    token: Token,
}

impl Client {
    /// Finds server and token.
    pub fn find(arguments: ClientArguments) -> Result<Self, Failure> {
        let data_dir = arguments.data_dir.map_or_else(default_data_dir, Ok).map_err(Failure::Usage)?;
        let server = match arguments.server {
            Some(server) => server,
            None => std::fs::read_to_string(data_dir.join(ADMIN_FILE)).map_err(|_| {
                Failure::Failed(format!(
                    "no server is known in {}; start one with `standin serve`, or say where it is with --server or --data-dir",
                    data_dir.display()
                ))
            })?,
        };
        let endpoint: Endpoint = server.trim().parse().map_err(|error| Failure::Usage(format!("--server: {error}")))?;
        let token = match arguments.token {
            Some(token) => Token::new(token),
            None => Token::load(&data_dir).map_err(|error| {
                Failure::Failed(format!(
                    "no token in {}: {error}; give the server's --data-dir, or its token in STANDIN_TOKEN",
                    data_dir.display()
                ))
            })?,
        };
        let surf = surf::Client::with_http_client(Connector { endpoint: endpoint.clone() });
        Ok(Self { surf, endpoint, token })
    }

    /// Makes one call; an error of the API is a refusal with its own words.
    pub fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        async_std::task::block_on(async {
            let answer = async { self.exchange(method, path, body).await };
            let too_late = async {
                async_io::Timer::after(ANSWER_MAX).await;
                Err(Failure::Failed(format!("{} did not answer within {ANSWER_MAX:?}", self.endpoint)))
            };
            futures_lite::future::or(answer, too_late).await
        })
    }

    async fn exchange(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        let base = match &self.endpoint {
            Endpoint::Tcp(address) => format!("http://{address}"),
            Endpoint::Unix(_) => "http://localhost".to_owned(),
        };
        let url = Url::parse(&format!("{base}{path}")).map_err(|error| Failure::Usage(error.to_string()))?;
        let mut request = Request::new(method, url);
        request.insert_header("Authorization", format!("Bearer {}", self.token.reveal()));
        if let Some(body) = body {
            request.set_body(body.to_string());
            request.set_content_type(http_types::mime::JSON);
        }
        let unreachable = |error: surf::Error| {
            Failure::Failed(format!("{} cannot be reached: {error}; is `standin serve` running there?", self.endpoint))
        };
        let mut response = self.surf.send(request).await.map_err(unreachable)?;
        let bytes = response.body_bytes().await.map_err(unreachable)?;
        let value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        if response.status().is_success() {
            Ok(value)
        } else {
            Err(Failure::Refused(told(u16::from(response.status()), &value)))
        }
    }
}

/// An API error in the words of its `detail` and of each fault.
fn told(status: u16, problem: &Value) -> String {
    let mut text = problem["detail"].as_str().map_or_else(|| format!("the server answered {status}"), str::to_owned);
    for fault in problem["errors"].as_array().into_iter().flatten() {
        let part = |name: &str| fault[name].as_str().unwrap_or_default().to_owned();
        text.push_str(&format!("\n  {} {}", part("pointer"), part("detail")));
    }
    text
}

/// surf's way to the server.
#[derive(Debug)]
struct Connector {
    endpoint: Endpoint,
}

#[tide::utils::async_trait]
impl http_client::HttpClient for Connector {
    async fn send(&self, request: Request) -> Result<Response, http_types::Error> {
        match &self.endpoint {
            Endpoint::Tcp(address) => {
                let stream = async_std::net::TcpStream::connect(address).await?;
                async_h1::connect(stream, request).await
            }
            Endpoint::Unix(path) => {
                let stream = async_std::os::unix::net::UnixStream::connect(path).await?;
                async_h1::connect(stream, request).await
            }
        }
    }
}
