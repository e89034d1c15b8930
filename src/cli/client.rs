//! The admin API from the command line: surf over async-h1, TCP or Unix.
//!
//! Owns finding the server and the token, and what is said where there is none
//! or the wrong one. Both ends are ours, so async-h1's client is good enough
//! here.

use super::Failure;
use crate::admin::{Token, sse};
use crate::net::Endpoint;
use crate::server::ADMIN_FILE;
use crate::settings::default_data_dir;
use clap::Args;
use http_types::headers::HeaderName;
use http_types::{Method, Request, Response, Url};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Which server, and how to be let in.
#[derive(Debug, Clone, Args)]
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
    /// Where the token is from, for whoever must mend it.
    token_from: String,
}

/// One call.
#[derive(Debug)]
pub struct Call<'a> {
    /// What is to be done.
    pub method: Method,
    /// To what, with its query.
    pub path: String,
    /// JSON.
    pub body: Option<&'a Value>,
    /// Further fields.
    pub fields: Vec<(&'static str, String)>,
}

/// What was answered to it.
#[derive(Debug)]
pub struct Answer {
    /// The content; null where there is none.
    pub value: Value,
    /// The last revision that the call made.
    pub revision: Option<u64>,
}

impl Call<'_> {
    /// To read something.
    #[must_use]
    pub fn get(path: impl Into<String>) -> Self {
        Self { method: Method::Get, path: path.into(), body: None, fields: Vec::new() }
    }
}

impl Client {
    /// Finds server and token.
    pub fn find(arguments: ClientArguments) -> Result<Self, Failure> {
        let is_default = arguments.data_dir.is_none();
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
        let (token, token_from) = match arguments.token {
            Some(token) => (Token::new(token.trim().to_owned()), "STANDIN_TOKEN or --token".to_owned()),
            None => {
                // Nobody has said that this server may have that token.
                if is_default && !is_server_of(&data_dir, &endpoint) {
                    return Err(Failure::Usage(format!(
                        "no token for {endpoint}, which is not the server of {}: give its token in STANDIN_TOKEN, or \
                         its --data-dir",
                        data_dir.display()
                    )));
                }
                let token = Token::load(&data_dir).map_err(|error| {
                    Failure::Failed(format!(
                        "no token in {}: {error}; give the server's --data-dir, or its token in STANDIN_TOKEN",
                        data_dir.display()
                    ))
                })?;
                (token, data_dir.join("token").display().to_string())
            }
        };
        if token.reveal().is_empty() || !token.reveal().bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Failure::Usage(format!("{token_from}: a token is printable ASCII, without spaces")));
        }
        let surf = surf::Client::with_http_client(Connector { endpoint: endpoint.clone() });
        Ok(Self { surf, endpoint, token, token_from })
    }

    /// Where the server is.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// What lets this client in.
    #[must_use]
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// Makes one call; an error of the API is a refusal with its own words.
    pub fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        self.send(&Call { method, path: path.to_owned(), body, fields: Vec::new() }).map(|answer| answer.value)
    }

    /// The same with further fields, and the revision that it made.
    pub fn send(&self, call: &Call<'_>) -> Result<Answer, Failure> {
        async_std::task::block_on(within(ANSWER_MAX, self.too_late(), async {
            let mut response = self.exchange(call).await?;
            let value = match self.content(&mut response).await? {
                Content::Nothing => Value::Null,
                Content::Json(value) => value,
                Content::Other => return Err(Failure::Failed(self.is_other("sends no JSON"))),
            };
            let revision = response.header("X-Revision").and_then(|values| values.as_str().parse().ok());
            Ok(Answer { value, revision })
        }))
    }

    /// Begins a call whose answer does not end by itself: its head is here, and
    /// its content is still to come.
    pub async fn open(&self, call: &Call<'_>) -> Result<surf::Response, Failure> {
        let response = within(ANSWER_MAX, self.too_late(), self.exchange(call)).await?;
        match response.content_type() {
            Some(found) if found.essence() == sse::MEDIA_TYPE => Ok(response),
            _ => Err(Failure::Failed(self.is_other("sends no events"))),
        }
    }

    /// A response that is no error.
    async fn exchange(&self, call: &Call<'_>) -> Result<surf::Response, Failure> {
        let base = match &self.endpoint {
            Endpoint::Tcp(address) => format!("http://{address}"),
            Endpoint::Unix(_) => "http://localhost".to_owned(),
        };
        let url = Url::parse(&format!("{base}{}", call.path)).map_err(|error| Failure::Usage(error.to_string()))?;
        let mut request = Request::new(call.method, url);
        request.insert_header("Authorization", format!("Bearer {}", self.token.reveal()));
        for (name, value) in &call.fields {
            request.insert_header(HeaderName::from(*name), value.as_str());
        }
        if let Some(body) = call.body {
            request.set_body(body.to_string());
            request.set_content_type(http_types::mime::JSON);
        }
        let sent = self.surf.send(request).await;
        let mut response = sent.map_err(|error| match error.downcast_ref::<Unsound>() {
            Some(Unsound(why)) => self.unsound(why),
            None => self.unreachable(&error),
        })?;
        if response.status().is_success() {
            return Ok(response);
        }
        let value = match self.content(&mut response).await? {
            Content::Json(value) => value,
            Content::Nothing | Content::Other => Value::Null,
        };
        let told = self.told(u16::from(response.status()), &call.path, &value);
        Err(if response.status() == 503 { Failure::Unready(told) } else { Failure::Refused(told) })
    }

    async fn content(&self, response: &mut surf::Response) -> Result<Content, Failure> {
        let bytes = response.body_bytes().await.map_err(|error| self.unsound(&error.to_string()))?;
        Ok(match bytes.is_empty() {
            true => Content::Nothing,
            false => serde_json::from_slice(&bytes).map_or(Content::Other, Content::Json),
        })
    }

    /// Somebody else is there, or our own server's front.
    fn is_other(&self, what: &str) -> String {
        format!(
            "{} {what}, so it seems to be no admin API: `standin serve` names its address as `admin`; give that one",
            self.endpoint
        )
    }

    fn unsound(&self, why: &str) -> Failure {
        Failure::Failed(format!(
            "{} gives no whole HTTP answer ({why}): is this the admin address, and does its server still run?",
            self.endpoint
        ))
    }

    fn unreachable(&self, error: &surf::Error) -> Failure {
        Failure::Failed(format!(
            "{} cannot be reached: {error}; start a server with `standin serve`, or say where it is with --server or --data-dir",
            self.endpoint
        ))
    }

    fn too_late(&self) -> Failure {
        Failure::Failed(format!("{} did not answer within {ANSWER_MAX:?}", self.endpoint))
    }

    /// An API error in the words of its `detail` and of each fault, and what to
    /// do where only the command line knows.
    fn told(&self, status: u16, path: &str, problem: &Value) -> String {
        let detail = problem["detail"].as_str();
        let other = || self.is_other(&format!("answers {status} without a reason"));
        let mut text = detail.map_or_else(other, str::to_owned);
        for fault in problem["errors"].as_array().into_iter().flatten() {
            let part = |name: &str| fault[name].as_str().unwrap_or_default().to_owned();
            text.push_str(&format!("\n  {} {}", part("pointer"), part("detail")));
        }
        match status {
            401 => text.push_str(&format!(
                "; the one sent to {} is from {}: give that server's --data-dir, or its token in STANDIN_TOKEN",
                self.endpoint, self.token_from
            )),
            // Where the API's own words are those of HTTP.
            409 if path.contains("/lease") && text.contains("no lease") => {
                let id = path.trim_start_matches("/v1/mounts/").split('/').next().unwrap_or_default();
                text = format!(
                    "mount '{id}' has no lease that runs; to begin the one again that has run out: standin mount enable \
                     {id}; to begin another one: standin mount set {id} --lease TTL[:ON_EXPIRY]"
                );
            }
            404 if path.starts_with("/v1/mounts/") && text.contains("mount") => {
                text.push_str("; `standin mount list` lists those that there are")
            }
            _ => {}
        }
        text
    }
}

/// True if the server that was last started on a data directory is there.
fn is_server_of(data_dir: &Path, endpoint: &Endpoint) -> bool {
    let said = std::fs::read_to_string(data_dir.join(ADMIN_FILE)).unwrap_or_default();
    said.trim().parse().is_ok_and(|said: Endpoint| said == *endpoint)
}

/// What comes first: the end of `work`, or the end of that time.
async fn within<T>(
    time: Duration,
    too_late: Failure,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let end = async {
        async_io::Timer::after(time).await;
        Err(too_late)
    };
    futures_lite::future::or(work, end).await
}

/// Text as one segment of a path, or one value of a query (RFC 3986 §2.1).
#[must_use]
pub fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:,*=".contains(&byte);
    text.bytes().fold(String::new(), |mut out, byte| {
        match plain(byte) {
            true => out.push(char::from(byte)),
            false => out.push_str(&format!("%{byte:02X}")),
        }
        out
    })
}

/// A path and the parameters of its query that are given.
#[must_use]
pub fn with_query(path: &str, parameters: &[(&str, Option<String>)]) -> String {
    let given = parameters.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
    given.enumerate().fold(path.to_owned(), |path, (place, (name, value))| {
        format!("{path}{}{name}={}", if place == 0 { '?' } else { '&' }, encoded(value))
    })
}

/// What an answer holds.
enum Content {
    Nothing,
    Json(Value),
    /// Something that the API does not send.
    Other,
}

/// Somebody is there, and what they send is no answer.
#[derive(Debug)]
struct Unsound(String);

impl std::fmt::Display for Unsound {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Unsound {}

fn unsound(error: http_types::Error) -> http_types::Error {
    http_types::Error::new(http_types::StatusCode::BadGateway, Unsound(error.to_string()))
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
                async_h1::connect(stream, request).await.map_err(unsound)
            }
            Endpoint::Unix(path) => {
                let stream = async_std::os::unix::net::UnixStream::connect(path).await?;
                async_h1::connect(stream, request).await.map_err(unsound)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{encoded, with_query};

    #[test]
    fn nothing_leaves_its_place_in_a_path_or_query() {
        assert_eq!(encoded("a/../b?c#d e&f+\u{e4}"), "a%2F..%2Fb%3Fc%23d%20e%26f%2B%C3%A4");
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(with_query("/v1", &[("a", some("1&b=2")), ("c", None), ("d", some("k=v"))]), "/v1?a=1%26b=2&d=k=v");
        assert_eq!(with_query("/v1", &[("a", None)]), "/v1");
    }
}
