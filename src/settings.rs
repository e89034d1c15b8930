//! Settings of `standin serve`: from arguments, environment and file to one
//! checked value.
//!
//! Owns every name and default a user can set, and which source wins: an
//! argument over the environment, that over the file, that over the default.
//! The environment is read here and nowhere else.

use crate::front::access_log::{self, Destination};
use crate::front::connection::ClientBounds;
use crate::limits::{CLIENT_IDLE_MAX, CONNECTIONS_MAX, DRAIN_MAX, HEAD_MAX, SETTING_MAX, TICK};
use crate::mount::MountSpec;
use crate::mount::spec::{Id, parse};
use crate::net::Endpoint;
use crate::paste::{self, Import, Severity};
use clap::Args;
use clap::builder::BoolishValueParser;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

const LISTEN: &str = "127.0.0.1:8080";
const ADMIN: &str = "127.0.0.1:8081";

/// The arguments of `serve`, each also by environment.
#[derive(Debug, Clone, Default, Args)]
pub struct ServeArguments {
    /// Where clients connect: IP:PORT [default: 127.0.0.1:8080]
    #[arg(long, env = "STANDIN_LISTEN", value_name = "ADDRESS")]
    pub listen: Option<String>,

    /// Where the admin API and UI are: IP:PORT or unix:PATH [default: 127.0.0.1:8081]
    #[arg(long, env = "STANDIN_ADMIN", value_name = "ADDRESS")]
    pub admin: Option<String>,

    /// Where mounts and the token are kept [default: $XDG_STATE_HOME/standin or ~/.local/state/standin]
    #[arg(long, env = "STANDIN_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// A TOML file with these settings, written with _ for -
    #[arg(long, env = "STANDIN_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// A mount that is there as long as this is given, as in /app=http://127.0.0.1:9000/ (repeatable)
    #[arg(long = "mount", env = "STANDIN_MOUNT", value_name = "PATH=URL", value_delimiter = ',')]
    pub mounts: Vec<String>,

    /// A Paste Deploy file: its proxies are mounts as long as this is given; FILE#NAME begins with another
    /// application than main
    #[arg(long, env = "STANDIN_PASTE", value_name = "FILE")]
    pub paste: Option<String>,

    /// Client connections at a time [default: 1024]
    #[arg(long, env = "STANDIN_CONNECTIONS_MAX", value_name = "N", allow_negative_numbers = true)]
    pub connections_max: Option<usize>,

    /// Write a line for every request to this file, or to standard output for - [default: none]
    #[arg(long, env = "STANDIN_ACCESS_LOG", value_name = "PATH")]
    pub access_log: Option<PathBuf>,

    /// How those lines look: common, combined or json [default: combined]
    #[arg(long, env = "STANDIN_ACCESS_LOG_FORMAT", value_name = "FORMAT")]
    pub access_log_format: Option<String>,

    /// Client connections of one address (IPv6: one /64) at a time; 0 is no bound [default: 256, and none for loopback]
    #[arg(long, env = "STANDIN_CONNECTIONS_PER_ADDRESS_MAX", value_name = "N", allow_negative_numbers = true)]
    pub connections_per_address_max: Option<usize>,

    /// How long a whole request head may take, as in 10 or 0.5 [default: 10]
    #[arg(long, env = "STANDIN_HEAD_TIMEOUT", value_name = "SECONDS", allow_negative_numbers = true)]
    pub head_timeout: Option<f64>,

    /// How long a client connection may idle between requests [default: 30]
    #[arg(long, env = "STANDIN_IDLE_TIMEOUT", value_name = "SECONDS", allow_negative_numbers = true)]
    pub idle_timeout: Option<f64>,

    /// When told to stop: how long to serve on while /readyz says 503 [default: 0]
    #[arg(long, env = "STANDIN_DRAIN_DELAY", value_name = "SECONDS", allow_negative_numbers = true)]
    pub drain_delay: Option<f64>,

    /// When told to stop: how long requests in progress may take before they are cut off [default: 20]
    #[arg(long, env = "STANDIN_DRAIN_TIMEOUT", value_name = "SECONDS", allow_negative_numbers = true)]
    pub drain_timeout: Option<f64>,

    /// Start a small upstream and a mount /demo for it
    #[arg(long, env = "STANDIN_DEMO", value_parser = BoolishValueParser::new())]
    pub demo: bool,

    /// Allow an admin address that other machines can reach, without TLS
    #[arg(long, env = "STANDIN_ADMIN_ALLOW_REMOTE", value_parser = BoolishValueParser::new())]
    pub admin_allow_remote: bool,

    /// Allow transparent mounts for any host though other machines can reach the front
    #[arg(long, env = "STANDIN_ALLOW_OPEN_PROXY", value_parser = BoolishValueParser::new())]
    pub allow_open_proxy: bool,

    /// A further host name under which the admin API is called (repeatable)
    #[arg(long = "admin-host", env = "STANDIN_ADMIN_HOST", value_name = "NAME", value_delimiter = ',')]
    pub admin_hosts: Vec<String>,
}

/// The same by file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    listen: Option<String>,
    admin: Option<String>,
    data_dir: Option<PathBuf>,
    #[serde(default)]
    mounts: BTreeMap<String, String>,
    paste: Option<String>,
    connections_max: Option<usize>,
    access_log: Option<PathBuf>,
    access_log_format: Option<String>,
    connections_per_address_max: Option<usize>,
    head_timeout: Option<f64>,
    idle_timeout: Option<f64>,
    drain_delay: Option<f64>,
    drain_timeout: Option<f64>,
    demo: Option<bool>,
    admin_allow_remote: Option<bool>,
    allow_open_proxy: Option<bool>,
    #[serde(default)]
    admin_hosts: Vec<String>,
}

/// Checked settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where clients connect.
    pub listen: Endpoint,
    /// Where the admin API is.
    pub admin: Endpoint,
    /// Where mounts and the token are kept.
    pub data_dir: PathBuf,
    /// Mounts of the command line and the file.
    pub mounts: Vec<MountSpec>,
    /// What there is to say about a Paste Deploy file, line by line.
    pub remarks: Vec<String>,
    /// Client connections at a time.
    pub connections_max: usize,
    /// Where and how requests are logged, if they are.
    pub access_log: Option<access_log::Settings>,
    /// Client connections of one address at a time, if that was said; 0 is no bound.
    pub connections_per_address_max: Option<usize>,
    /// How long clients may take.
    pub client_bounds: ClientBounds,
    /// How long it serves on after the signal to stop.
    pub drain_delay: Duration,
    /// How long requests may go on after that.
    pub drain_max: Duration,
    /// With the demo's upstream and mount.
    pub demo: bool,
    /// Transparent mounts may go anywhere, whoever can reach the front.
    pub allow_open_proxy: bool,
    /// Further host names of the admin API.
    pub admin_hosts: Vec<String>,
}

impl Settings {
    /// Merges and checks; the error says what to change, everything at once.
    pub fn resolve(arguments: ServeArguments) -> Result<Self, String> {
        Self::resolve_all(arguments).map_err(|faults| faults.join("\n"))
    }

    /// The same, each fault by itself.
    pub fn resolve_all(arguments: ServeArguments) -> Result<Self, Vec<String>> {
        let mut faults = Faults::default();
        let file = arguments.config.as_deref().map(|path| read_file(path, &mut faults)).unwrap_or_default();
        let paste = arguments.paste.or(file.paste).and_then(|path| faults.take(read_paste(&path)));
        let given = arguments.listen.or(file.listen);
        let given = given.or_else(|| paste.as_ref().and_then(|paste| paste.listen).map(|address| address.to_string()));
        let listen = faults.take(listen(given.as_deref().unwrap_or(LISTEN)));
        let allow_remote = arguments.admin_allow_remote || file.admin_allow_remote.unwrap_or(false);
        let admin = faults.take(admin(arguments.admin.or(file.admin).as_deref().unwrap_or(ADMIN), allow_remote));
        let from_file = file.mounts.into_iter().map(|(path, address)| mount("the configuration", &path, &address));
        let from_arguments = arguments.mounts.iter().map(|text| {
            let (path, address) = text
                .split_once('=')
                .ok_or_else(|| format!("--mount {text}: give it as PATH=URL, as in /app=http://127.0.0.1:9000/"))?;
            mount("--mount", path, address)
        });
        let mut mounts: Vec<MountSpec> =
            from_file.chain(from_arguments).filter_map(|mount| faults.take(mount)).collect();
        let mut remarks = Vec::new();
        if let Some(paste) = paste {
            remarks = paste.notes.iter().map(ToString::to_string).chain([paste.summary()]).collect();
            mounts.extend(paste.specs);
        }
        let connections_max = arguments.connections_max.or(file.connections_max).unwrap_or(CONNECTIONS_MAX);
        if connections_max == 0 {
            faults.0.push("--connections-max must be at least 1".into());
        }
        let mut time = |flag, given: (Option<f64>, Option<f64>), least, default| {
            faults.take(seconds(flag, given.0.or(given.1), least, default))
        };
        let head_max = time("--head-timeout", (arguments.head_timeout, file.head_timeout), TICK, HEAD_MAX);
        let idle_max = time("--idle-timeout", (arguments.idle_timeout, file.idle_timeout), TICK, CLIENT_IDLE_MAX);
        let zero = Duration::ZERO;
        let drain_delay = time("--drain-delay", (arguments.drain_delay, file.drain_delay), zero, zero);
        let drain_max = time("--drain-timeout", (arguments.drain_timeout, file.drain_timeout), zero, DRAIN_MAX);
        let access_log = faults.take(access_log(
            arguments.access_log.or(file.access_log),
            arguments.access_log_format.or(file.access_log_format).as_deref(),
        ));
        let data_dir = faults.take(arguments.data_dir.or(file.data_dir).map_or_else(default_data_dir, Ok));
        let checked = (listen, admin, head_max, idle_max, drain_delay, drain_max, access_log, data_dir);
        let (
            Some(listen),
            Some(admin),
            Some(head_max),
            Some(idle_max),
            Some(drain_delay),
            Some(drain_max),
            Some(access_log),
            Some(data_dir),
        ) = checked
        else {
            return Err(faults.0);
        };
        if !faults.0.is_empty() {
            return Err(faults.0);
        }
        Ok(Self {
            listen,
            admin,
            data_dir,
            mounts,
            remarks,
            connections_max,
            access_log,
            connections_per_address_max: arguments.connections_per_address_max.or(file.connections_per_address_max),
            client_bounds: ClientBounds { head_max, idle_max },
            drain_delay,
            drain_max,
            allow_open_proxy: arguments.allow_open_proxy || file.allow_open_proxy.unwrap_or(false),
            demo: arguments.demo || file.demo.unwrap_or(false),
            admin_hosts: if arguments.admin_hosts.is_empty() { file.admin_hosts } else { arguments.admin_hosts },
        })
    }
}

/// What is wrong, so far.
#[derive(Default)]
struct Faults(Vec<String>);

impl Faults {
    /// What is right of it; what is wrong is kept.
    fn take<T>(&mut self, result: Result<T, String>) -> Option<T> {
        result.map_err(|fault| self.0.push(fault)).ok()
    }
}

fn listen(text: &str) -> Result<Endpoint, String> {
    match endpoint("--listen", text)? {
        Endpoint::Unix(_) => Err("--listen takes IP:PORT; only --admin can be a Unix socket".into()),
        listen => Ok(listen),
    }
}

fn admin(text: &str, allow_remote: bool) -> Result<Endpoint, String> {
    let admin = endpoint("--admin", text)?;
    match &admin {
        Endpoint::Tcp(address) if !address.ip().to_canonical().is_loopback() && !allow_remote => Err(format!(
            "--admin {address} can be reached by other machines, and its token would cross the network unencrypted; \
             use 127.0.0.1 or unix:PATH, or add --admin-allow-remote if the network is trusted"
        )),
        _ => Ok(admin),
    }
}

fn endpoint(flag: &str, text: &str) -> Result<Endpoint, String> {
    text.parse().map_err(|error| format!("{flag}: {error}"))
}

fn access_log(path: Option<PathBuf>, format: Option<&str>) -> Result<Option<access_log::Settings>, String> {
    let format = format.map(str::parse).transpose().map_err(|error| format!("--access-log-format: {error}"))?;
    let Some(path) = path else {
        return match format {
            Some(_) => {
                Err("--access-log-format says how, but not where: give --access-log PATH, or - for standard output"
                    .into())
            }
            None => Ok(None),
        };
    };
    let destination = if path == Path::new("-") {
        Destination::Stdout
    } else {
        let refused = |why: &str| Err(format!("--access-log {}: {why}", path.display()));
        match path.parent() {
            _ if path.is_dir() => return refused("this is a directory; name a file in it"),
            None => return refused("name a file, or - for standard output"),
            Some(parent) if parent != Path::new("") && !parent.is_dir() => {
                return refused("its directory does not exist; make it first, or name another one");
            }
            Some(_) => Destination::File(path),
        }
    };
    Ok(Some(access_log::Settings { destination, format: format.unwrap_or_default() }))
}

/// The time that a user gave, or the default.
fn seconds(flag: &str, given: Option<f64>, least: Duration, default: Duration) -> Result<Duration, String> {
    let Some(given) = given else { return Ok(default) };
    let time = Duration::try_from_secs_f64(given).ok().filter(|time| (least..=SETTING_MAX).contains(time));
    time.ok_or_else(|| {
        let (least, most) = (least.as_secs_f64(), SETTING_MAX.as_secs());
        format!("{flag} {given}: give seconds, from {least} to {most}, as in 10 or 0.5")
    })
}

/// What is right of a file; what is wrong, key by key, goes to the faults.
fn read_file(path: &Path, faults: &mut Faults) -> File {
    let told = |what: &dyn std::fmt::Display| format!("--config {}: {what}", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| told(&error));
    let Some(text) = faults.take(text) else { return File::default() };
    let error = match toml::from_str(&text) {
        Ok(file) => return file,
        Err(error) => error,
    };
    // It tells the first fault, and where; each key by itself tells all.
    let mut sound = toml::Table::new();
    let mut wrong = Vec::new();
    for (key, value) in toml::from_str::<toml::Table>(&text).unwrap_or_default() {
        let alone = toml::Table::from_iter([(key.clone(), value.clone())]);
        match alone.try_into::<File>() {
            Ok(_) => drop(sound.insert(key, value)),
            Err(error) => wrong.push(told(&format_args!("{key}: {}", error.message()))),
        }
    }
    match wrong.len() {
        0 | 1 => faults.0.push(told(&error)),
        _ => faults.0.append(&mut wrong),
    }
    sound.try_into().unwrap_or_default()
}

/// A file that can be served as it is; otherwise everything that is to mend.
fn read_paste(path: &str) -> Result<Import, String> {
    let import = paste::import_file(path, true).map_err(|error| format!("--paste {error}"))?;
    if !import.has_errors() {
        return Ok(import);
    }
    let lines = import.notes.iter().filter(|note| matches!(note.severity, Severity::Error | Severity::Warning));
    let lines: Vec<String> = lines.map(ToString::to_string).chain([import.summary()]).collect();
    Err(format!("--paste {path}: it cannot be served as it is\n{}", lines.join("\n")))
}

/// A regular mount whose id says where it comes from.
fn mount(source: &str, path: &str, address: &str) -> Result<MountSpec, String> {
    let id = fixed_id(path);
    let value = json!({ "kind": "regular", "match": { "path": path }, "address": address });
    parse(&value, Id::OwnOr(&id)).map_err(|faults| {
        let told: Vec<String> = faults.iter().map(|fault| format!("{} {}", fault.pointer, fault.detail)).collect();
        format!("{source} {path}={address}: {}", told.join("; "))
    })
}

/// `/Org/x` → `fixed-org-x`
fn fixed_id(path: &str) -> String {
    let words = path.split(|character: char| !character.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut id = words.fold("fixed".to_owned(), |id, word| format!("{id}-{}", word.to_ascii_lowercase()));
    id.truncate(63);
    id
}

/// The data directory where none is given.
pub fn default_data_dir() -> Result<PathBuf, String> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("XDG_STATE_HOME")
        .or_else(|| set("HOME").map(|home| home.join(".local/state")))
        .map(|state| state.join("standin"))
        .ok_or_else(|| "neither XDG_STATE_HOME nor HOME is set; say where with --data-dir DIR".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::front::access_log::Format;
    use crate::testing::Directory;

    fn resolve(arguments: ServeArguments) -> Result<Settings, String> {
        Settings::resolve(ServeArguments { data_dir: Some("/nowhere".into()), ..arguments })
    }

    #[test]
    fn an_argument_wins_over_the_file_and_that_over_the_default() {
        let directory = Directory::new("settings");
        let config = directory.path().join("standin.toml");
        std::fs::write(&config, "listen = '127.0.0.1:1'\nadmin = '127.0.0.1:2'\n[mounts]\n'/a' = 'http://h/'\n")
            .unwrap();
        let arguments = ServeArguments {
            config: Some(config),
            admin: Some("unix:/x".into()),
            mounts: vec!["/b=http://h".into()],
            ..Default::default()
        };
        let settings = resolve(arguments).unwrap();
        assert_eq!(settings.listen, Endpoint::Tcp("127.0.0.1:1".parse().unwrap()));
        assert_eq!(settings.admin, Endpoint::Unix("/x".into()));
        assert_eq!(settings.connections_max, CONNECTIONS_MAX);
        assert_eq!(settings.mounts.iter().map(|mount| mount.id.as_str()).collect::<Vec<_>>(), ["fixed-a", "fixed-b"]);
    }

    #[test]
    fn what_is_wrong_is_told_with_the_flag() {
        let told = |arguments| resolve(arguments).unwrap_err();
        let with = |change: fn(&mut ServeArguments)| {
            let mut arguments = ServeArguments::default();
            change(&mut arguments);
            told(arguments)
        };
        assert!(with(|arguments| arguments.listen = Some("nonsense".into())).starts_with("--listen: 'nonsense'"));
        assert!(with(|arguments| arguments.admin = Some("0.0.0.0:1".into())).contains("--admin-allow-remote"));
        assert!(with(|arguments| arguments.mounts = vec!["/a".into()]).contains("PATH=URL"));
        assert!(with(|arguments| arguments.mounts = vec!["a=ftp://h/".into()]).contains("/match/path"));
        assert!(with(|arguments| arguments.connections_max = Some(0)).contains("--connections-max"));
        assert!(with(|arguments| arguments.head_timeout = Some(0.0)).starts_with("--head-timeout 0: give seconds"));
        assert!(with(|arguments| arguments.head_timeout = Some(f64::NAN)).starts_with("--head-timeout NaN"));
        assert!(with(|arguments| arguments.idle_timeout = Some(-1.0)).starts_with("--idle-timeout -1"));
        assert!(with(|arguments| arguments.drain_delay = Some(f64::INFINITY)).starts_with("--drain-delay inf"));
        assert!(with(|arguments| arguments.drain_timeout = Some(86401.0)).contains("from 0 to 86400"));
        assert!(with(|arguments| arguments.config = Some("/nowhere.toml".into())).contains("/nowhere.toml"));
        assert!(
            with(|arguments| arguments.access_log = Some("/nowhere/log".into())).contains("--access-log /nowhere/log")
        );
        assert!(with(|arguments| arguments.access_log = Some("/".into())).contains("is a directory"));
        assert!(with(|arguments| arguments.access_log = Some("".into())).contains("name a file"));
        assert!(with(|arguments| arguments.access_log_format = Some("json".into())).contains("--access-log PATH"));
        assert!(
            with(|arguments| arguments.access_log_format = Some("xml".into()))
                .starts_with("--access-log-format: 'xml'")
        );
    }

    #[test]
    fn the_access_log_is_off_or_combined_if_nothing_else_is_said() {
        let log = |path: Option<&str>, format: Option<&str>| {
            let (access_log, access_log_format) = (path.map(PathBuf::from), format.map(str::to_owned));
            resolve(ServeArguments { access_log, access_log_format, ..Default::default() }).unwrap().access_log
        };
        let settings = |destination, format| Some(access_log::Settings { destination, format });
        assert_eq!(log(None, None), None);
        assert_eq!(log(Some("-"), None), settings(Destination::Stdout, Format::Combined));
        assert_eq!(log(Some("log"), Some("json")), settings(Destination::File("log".into()), Format::Json));
        assert_eq!(log(Some("/log"), Some("common")), settings(Destination::File("/log".into()), Format::Common));
    }

    #[test]
    fn times_are_whole_seconds_or_fractions() {
        let directory = Directory::new("times");
        let config = directory.path().join("standin.toml");
        std::fs::write(&config, "head_timeout = 5\nidle_timeout = 0.5\ndrain_delay = 1\n").unwrap();
        let arguments = ServeArguments { config: Some(config), drain_delay: Some(0.0), ..Default::default() };
        let settings = resolve(arguments).unwrap();
        assert_eq!(settings.client_bounds.head_max, Duration::from_secs(5));
        assert_eq!(settings.client_bounds.idle_max, Duration::from_millis(500));
        assert_eq!((settings.drain_delay, settings.drain_max), (Duration::ZERO, DRAIN_MAX));
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let directory = Directory::new("all-faults");
        let config = directory.path().join("standin.toml");
        let text = "listen = 'x'\nlistne = 1\ndemo = 'yes'\nhead_timeout = -1.0\n[mounts]\n'/a' = 'ftp://h/'\n'b' = 'http://h/'\n";
        std::fs::write(&config, text).unwrap();
        let arguments = ServeArguments { config: Some(config), connections_max: Some(0), ..Default::default() };
        let faults = Settings::resolve_all(arguments).unwrap_err();
        let parts = ["demo", "listne", "--listen", "/a=ftp", "b=http", "--connections-max", "--head-timeout"];
        assert_eq!(faults.len(), parts.len(), "{faults:#?}");
        for (fault, part) in faults.iter().zip(parts) {
            assert!(fault.contains(part), "{part}: {fault}");
        }
    }

    #[test]
    fn an_unknown_key_of_the_file_is_refused() {
        let directory = Directory::new("unknown-key");
        let config = directory.path().join("standin.toml");
        std::fs::write(&config, "listne = '127.0.0.1:1'\n").unwrap();
        let told = resolve(ServeArguments { config: Some(config), ..Default::default() }).unwrap_err();
        assert!(told.contains("listne"), "{told}");
    }
}
