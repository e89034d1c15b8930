//! `standin mount …`: the mounts of a running proxy, one at a time.

use super::Failure;
use super::client::{Answer, Client, ClientArguments, encoded};
use super::list::{ListArguments, list};
use super::mutation::{Condition, Ending, Mutation, answers_for, preview};
use super::operation;
use super::output::{plain, say};
use super::shape::{Shape, id, lease, object};
use clap::{Args, Subcommand};
use http_types::Method;
use serde_json::{Map, Value, json};

#[derive(Debug, Args)]
pub struct MountArguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    client: ClientArguments,
    /// Print JSON, for scripts
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Add a mount: PATH and URL for a regular one, PATH and --transparent for the other kind
    Add(Box<AddArguments>),
    /// List mounts: all, or those that the filters leave
    List(ListArguments),
    /// Show a mount
    Show {
        /// Its id
        #[arg(value_parser = id)]
        id: String,
    },
    /// Change what is given of a mount, and nothing else of it
    Set(Box<SetArguments>),
    /// Remove a mount; its requests in progress may finish, for 20 seconds if nothing else is said
    Rm(RmArguments),
    /// Hold new requests until the mount resumes
    Pause(StepArguments),
    /// Let the requests go on that a pause holds
    Resume(StepArguments),
    /// Answer again
    Enable(StepArguments),
    /// Refuse new requests; those in progress may finish
    Disable(StepArguments),
    /// Refuse new requests, and see those in progress end
    Drain(DrainArguments),
    /// Start the mount's actor anew, with connections of its own
    Restart(StepArguments),
    /// Begin the lease of a mount anew
    Renew(RenewArguments),
}

#[derive(Debug, Args)]
struct AddArguments {
    /// The path prefix it answers for
    path: String,
    /// The base address of its upstream, as in http://127.0.0.1:9000/
    #[arg(required_unless_present = "transparent", conflicts_with = "transparent")]
    url: Option<String>,
    /// Its id; one is made up if not given
    #[arg(long, value_parser = id)]
    id: Option<String>,
    /// Send requests as they are, to the host that they name
    #[arg(long)]
    transparent: bool,
    #[command(flatten)]
    shape: Shape,
    #[command(flatten)]
    mutation: Mutation,
}

#[derive(Debug, Args)]
struct SetArguments {
    /// Its id
    #[arg(value_parser = id)]
    id: String,
    /// The path prefix it answers for
    #[arg(long)]
    path: Option<String>,
    /// Regular mounts: the base address of its upstream
    #[arg(long, value_name = "URL")]
    address: Option<String>,
    #[command(flatten)]
    shape: Shape,
    /// A label to take away (repeatable)
    #[arg(long = "remove-label", value_name = "NAME")]
    removed_labels: Vec<String>,
    /// Whatever else: a JSON merge patch, in which null takes a member away, as in '{"tls": null}'
    #[arg(long, value_name = "JSON", value_parser = object)]
    patch: Option<Value>,
    #[command(flatten)]
    ending: Ending,
    #[command(flatten)]
    condition: Condition,
    #[command(flatten)]
    mutation: Mutation,
}

#[derive(Debug, Args)]
struct RmArguments {
    /// Its id
    #[arg(value_parser = id)]
    id: String,
    #[command(flatten)]
    ending: Ending,
    #[command(flatten)]
    condition: Condition,
    #[command(flatten)]
    mutation: Mutation,
}

#[derive(Debug, Args)]
struct StepArguments {
    /// Its id
    #[arg(value_parser = id)]
    id: String,
    #[command(flatten)]
    condition: Condition,
    #[command(flatten)]
    mutation: Mutation,
}

#[derive(Debug, Args)]
struct DrainArguments {
    #[command(flatten)]
    step: StepArguments,
    #[command(flatten)]
    ending: Ending,
}

#[derive(Debug, Args)]
struct RenewArguments {
    /// Its id
    #[arg(value_parser = id)]
    id: String,
    /// With another time, and what happens at its end
    #[arg(long, value_name = "TTL[:ON_EXPIRY]", value_parser = lease)]
    lease: Option<Value>,
    #[command(flatten)]
    mutation: Mutation,
}

/// Does what was asked and prints the answer.
pub fn run(arguments: MountArguments) -> Result<(), Failure> {
    let shell = Shell { client: Client::find(arguments.client)?, json: arguments.json };
    match arguments.command {
        Command::Add(add) => shell.add(*add),
        Command::List(arguments) => list(&shell.client, &arguments, shell.json),
        Command::Show { id } => shell.show(&id),
        Command::Set(set) => shell.set(*set),
        Command::Rm(rm) => shell.rm(&rm),
        Command::Pause(step) => shell.step(&step, "pause"),
        Command::Resume(step) => shell.step(&step, "resume"),
        Command::Enable(step) => shell.step(&step, "enable"),
        Command::Disable(step) => shell.step(&step, "disable"),
        Command::Drain(drain) => shell.drain(&drain),
        Command::Restart(step) => shell.step(&step, "restart"),
        Command::Renew(renew) => shell.renew(&renew),
    }
}

struct Shell {
    client: Client,
    json: bool,
}

fn path(id: &str) -> String {
    format!("/v1/mounts/{}", encoded(id))
}

impl Shell {
    fn add(&self, add: AddArguments) -> Result<(), Failure> {
        let kind = if add.transparent { "transparent" } else { "regular" };
        let mut body = Map::from_iter([("kind".to_owned(), json!(kind))]);
        for (name, value) in [("id", add.id), ("address", add.url)] {
            body.extend(value.map(|value| (name.to_owned(), json!(value))));
        }
        body.extend(with_path(add.shape.patch(), Some(add.path)));
        let mut body = Value::Object(body);
        // What takes a member away of a mount has nothing to take away here.
        without_nulls(&mut body);
        let answer = add.mutation.send(&self.client, (Method::Post, "/v1/mounts"), &[], Some(&body), None)?;
        let mount = &answer.value;
        self.tell(&add.mutation, mount, || {
            format!("{} answers for {}", text(&mount["id"]), answers_for(&mount["match"]))
        })
    }

    fn show(&self, id: &str) -> Result<(), Failure> {
        let mount = self.client.call(Method::Get, &path(id), None)?;
        say(&if self.json { mount.to_string() } else { format!("{mount:#}") })
    }

    fn set(&self, set: SetArguments) -> Result<(), Failure> {
        let mut patch = with_path(set.shape.patch(), set.path);
        patch.extend(set.address.map(|address| ("address".to_owned(), json!(address))));
        for name in set.removed_labels {
            let labels = patch.entry("labels").or_insert_with(|| json!({}));
            labels[name] = Value::Null;
        }
        let mut patch = Value::Object(patch);
        if let Some(further) = &set.patch {
            join(&mut patch, further);
        }
        if patch.as_object().is_none_or(Map::is_empty) {
            return Err(Failure::Usage(
                "say what is to be set, as in --label app=orgs or --limit tunnels_max=10".into(),
            ));
        }
        let call = (Method::Patch, &*path(&set.id));
        let answer = set.mutation.send(&self.client, call, &set.ending.query(), Some(&patch), Some(&set.condition))?;
        self.changed(&set.mutation, answer, set.ending.wait)
    }

    fn rm(&self, rm: &RmArguments) -> Result<(), Failure> {
        let call = (Method::Delete, &*path(&rm.id));
        let answer = rm.mutation.send(&self.client, call, &rm.ending.query(), None, Some(&rm.condition))?;
        let operation = match answer.revision {
            Some(revision) if rm.ending.wait => operation::wait(&self.client, &operation::of_revision(revision))?,
            _ => Value::Null,
        };
        if rm.mutation.dry_run {
            return self.tell(&rm.mutation, &answer.value, String::new);
        }
        let removed = json!({ "id": rm.id, "revision": answer.revision, "operation": operation });
        self.tell(&rm.mutation, &removed, || format!("{} is removed{}", rm.id, operation::cut(&operation)))
    }

    fn step(&self, step: &StepArguments, verb: &str) -> Result<(), Failure> {
        let call = (Method::Post, &*format!("{}/{verb}", path(&step.id)));
        let answer = step.mutation.send(&self.client, call, &[], None, Some(&step.condition))?;
        self.changed(&step.mutation, answer, false)
    }

    fn drain(&self, drain: &DrainArguments) -> Result<(), Failure> {
        let step = &drain.step;
        let call = (Method::Post, &*format!("{}/drain", path(&step.id)));
        let answer = step.mutation.send(&self.client, call, &drain.ending.query(), None, Some(&step.condition))?;
        self.changed(&step.mutation, answer, drain.ending.wait)
    }

    fn renew(&self, renew: &RenewArguments) -> Result<(), Failure> {
        if renew.lease.as_ref().is_some_and(Value::is_null) {
            return Err(Failure::Usage(format!("to end a lease: standin mount set {} --lease off", renew.id)));
        }
        let call = (Method::Put, &*format!("{}/lease", path(&renew.id)));
        let answer = renew.mutation.send(&self.client, call, &[], renew.lease.as_ref(), None)?;
        let lease = &answer.value;
        self.tell(&renew.mutation, lease, || {
            format!(
                "the lease of {} runs until {}; then: {}",
                renew.id,
                text(&lease["expires_at"]),
                text(&lease["on_expiry"])
            )
        })
    }

    /// Tells what a mount is now, once nothing of what it was is left if that
    /// is what was asked.
    fn changed(&self, mutation: &Mutation, answer: Answer, wait: bool) -> Result<(), Failure> {
        let mut mount = answer.value;
        if mutation.dry_run {
            return self.tell(mutation, &mount, String::new);
        }
        let mut line = format!("{} is {}", text(&mount["id"]), state(&mount));
        if let Some(path) = operation::of(&mount).map(str::to_owned) {
            if wait {
                let ended = operation::wait(&self.client, &path)?;
                line.push_str(operation::cut(&ended));
                mount["operation"] = ended;
            } else {
                let operation = self.client.call(Method::Get, &path, None)?;
                line.push_str(&format!("; of before: {}", operation::remaining(&operation)));
            }
        }
        self.tell(mutation, &mount, || line)
    }

    fn tell(&self, mutation: &Mutation, value: &Value, line: impl FnOnce() -> String) -> Result<(), Failure> {
        mutation.tell(&match (self.json, mutation.dry_run) {
            (true, _) => value.to_string(),
            (false, true) => preview(value),
            (false, false) => line(),
        })
    }
}

/// The state and why it is so.
fn state(mount: &Value) -> String {
    let why = mount["state_reason"].as_str().map(|why| format!(" ({})", plain(why))).unwrap_or_default();
    format!("{}{why}", text(&mount["state"]))
}

fn with_path(mut patch: Map<String, Value>, path: Option<String>) -> Map<String, Value> {
    if let Some(path) = path {
        patch.entry("match").or_insert_with(|| json!({}))["path"] = json!(path);
    }
    patch
}

/// Joins two merge patches into one that does what both do, the second one last.
fn join(patch: &mut Value, further: &Value) {
    match (patch.as_object_mut(), further.as_object()) {
        (Some(members), Some(further)) => {
            for (name, value) in further {
                join(members.entry(name).or_insert(Value::Null), value);
            }
        }
        _ => further.clone_into(patch),
    }
}

fn without_nulls(value: &mut Value) {
    if let Some(object) = value.as_object_mut() {
        object.retain(|name, value| {
            // What is opaque stays as it is.
            if name != "metadata" {
                without_nulls(value);
            }
            !value.is_null()
        });
    }
}

fn text(value: &Value) -> String {
    plain(&value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_patches_become_one() {
        let mut patch = json!({"limits": {"a": 1, "b": 2}, "labels": {"x": "1"}});
        join(&mut patch, &json!({"limits": {"b": null}, "labels": null, "tls": {"c": 3}, "methods": ["GET"]}));
        let both = json!({"limits": {"a": 1, "b": null}, "labels": null, "tls": {"c": 3}, "methods": ["GET"]});
        assert_eq!(patch, both);
    }

    #[test]
    fn a_new_mount_has_nothing_taken_away() {
        let mut mount = json!({"match": {"host": null, "path": "/"}, "lease": null, "metadata": {"a": null}});
        without_nulls(&mut mount);
        assert_eq!(mount, json!({"match": {"path": "/"}, "metadata": {"a": null}}));
    }
}
