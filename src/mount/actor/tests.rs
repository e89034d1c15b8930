//! What an actor does with those who ask, and with itself.

use super::super::handle::{Environment, MountHandle};
use super::super::observer::Observing;
use super::super::spec::{Id, MountSpec, parse};
use super::super::state::Ending;
use super::*;
use crate::error::Error;
use crate::exchange::Credit;
use crate::files::Files;
use crate::identity::Passwords;
use crate::limits::MOUNT_REQUESTS_MAX;
use crate::net::{Dialer, OwnListeners, Timer};
use serde_json::{Value, json};

fn environment() -> Environment {
    Environment {
        dialer: Dialer::new(OwnListeners::default()),
        timer: Timer::start().unwrap(),
        pseudonym: "test".into(),
        files: Files::default(),
        allows_open_proxy: false,
        passwords: Passwords::new().unwrap(),
        book: Arc::default(),
        observer: Observing::default(),
    }
}

fn spec(members: Value) -> Arc<MountSpec> {
    let mut value = json!({"kind": "regular", "address": "http://127.0.0.1:9/"});
    value.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    Arc::new(parse(&value, Id::OwnOr("m")).unwrap())
}

fn limited(concurrent: u32, queue: u32, wait_ms: u32) -> Arc<MountSpec> {
    let limits = json!({"concurrent_requests_max": concurrent, "queue_max": queue, "queue_wait_ms_max": wait_ms});
    spec(json!({ "limits": limits }))
}

fn spawn(spec: &Arc<MountSpec>) -> MountHandle {
    let handle = MountHandle::new(spec, false, &Arc::new(environment()));
    handle.start();
    handle
}

/// What `MountHandle::admit` does, without an exchange.
async fn credit(handle: &MountHandle) -> Result<Credit, Error> {
    let spent = if handle.admits() { handle.shared.credits.spend() } else { None };
    let mut credit = match spent {
        Some(credit) => credit,
        None => handle.shared.mailbox.ask().await?,
    };
    if handle.enter(&mut credit) { Ok(credit) } else { Err(Kind::Moved.into()) }
}

async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        future::yield_now().await;
    }
}

async fn refusal(handle: &MountHandle) -> Kind {
    credit(handle).await.unwrap_err().kind().clone()
}

fn change(handle: &MountHandle, spec: &Arc<MountSpec>, paused: bool, ending: Ending) -> MountHandle {
    let changed = handle.with(spec, paused);
    changed.take_effect();
    let all = handle.face().wish().enabled && !spec.enabled;
    drop(changed.succeed(handle, ending, all));
    changed
}

#[test]
fn requests_past_the_limit_are_refused_and_places_come_free() {
    async_io::block_on(async {
        let handle = spawn(&spec(json!({})));
        let mut credits = Vec::new();
        for _ in 0..MOUNT_REQUESTS_MAX {
            credits.push(credit(&handle).await.unwrap());
        }
        assert_eq!(refusal(&handle).await, Kind::Saturated);
        assert_eq!(handle.in_flight(), u64::from(MOUNT_REQUESTS_MAX));
        credits.pop();
        credits.push(credit(&handle).await.unwrap());
    });
}

#[test]
fn requests_wait_in_the_order_of_their_coming_for_as_long_as_they_may() {
    async_io::block_on(async {
        let handle = spawn(&limited(1, 2, 600_000));
        let first = credit(&handle).await.unwrap();
        let (mut second, mut third) = (Box::pin(credit(&handle)), Box::pin(credit(&handle)));
        assert!(future::poll_once(&mut second).await.is_none());
        assert!(future::poll_once(&mut third).await.is_none());
        until(|| handle.status().held == 2).await;
        assert_eq!(refusal(&handle).await, Kind::QueueFull);
        drop(first);
        let second = second.await.unwrap();
        assert!(future::poll_once(&mut third).await.is_none(), "one place, one request");
        drop(second);
        drop(third.await.unwrap());
        until(|| handle.status().held == 0).await;
        let _alone = credit(&handle).await.unwrap();
        let short = change(&handle, &limited(1, 2, 1), false, Ending::Finish);
        until(|| Arc::ptr_eq(&handle.shared.face.load(), short.face())).await;
        assert_eq!(refusal(&short).await, Kind::QueueTimeout);
        assert_eq!(short.status().generation, 1, "budgets are no new generation");
    });
}

#[test]
fn who_has_gone_keeps_no_place_in_the_queue() {
    async_io::block_on(async {
        let handle = spawn(&limited(1, 1, 600_000));
        let first = credit(&handle).await.unwrap();
        let mut gone = Box::pin(credit(&handle));
        assert!(future::poll_once(&mut gone).await.is_none());
        until(|| handle.status().held == 1).await;
        drop(gone);
        let mut waits = Box::pin(credit(&handle));
        assert!(future::poll_once(&mut waits).await.is_none());
        drop(first);
        assert!(waits.await.is_ok());
    });
}

#[test]
fn a_paused_mount_holds_requests_and_lets_them_go_step_by_step() {
    async_io::block_on(async {
        let spec = spec(json!({}));
        let handle = spawn(&spec);
        until(|| handle.lifecycle() == Lifecycle::Open).await;
        let paused = change(&handle, &spec, true, Ending::Finish);
        until(|| paused.lifecycle() == Lifecycle::Paused).await;
        let mut held: Vec<_> = (0..HELD_REQUESTS_MAX).map(|_| Box::pin(credit(&paused))).collect();
        for request in &mut held {
            assert!(future::poll_once(request).await.is_none());
        }
        until(|| paused.status().held == HELD_REQUESTS_MAX).await;
        assert_eq!(refusal(&paused).await, Kind::Paused);
        let begun = Instant::now();
        let open = change(&paused, &spec, false, Ending::Finish);
        for request in held {
            drop(request.await.unwrap());
        }
        let steps = u32::try_from(RELEASE_STEPS).unwrap() - 1;
        assert!(begun.elapsed() >= RELEASE_STEP * steps, "not all at once");
        until(|| open.status().held == 0).await;
        assert!(open.shared.credits.spend().is_some(), "nobody need ask any more");
        assert_eq!(open.status().generation, 1);
    });
}

#[test]
fn what_is_held_is_refused_when_the_proxy_is_to_stop() {
    async_io::block_on(async {
        let spec = spec(json!({}));
        let handle = spawn(&spec);
        until(|| handle.lifecycle() == Lifecycle::Open).await;
        let paused = change(&handle, &spec, true, Ending::Finish);
        let mut held = Box::pin(refusal(&paused));
        assert!(future::poll_once(&mut held).await.is_none());
        until(|| paused.status().held == 1).await;
        paused.refuse_held();
        assert_eq!((held.await, refusal(&paused).await), (Kind::Paused, Kind::Paused));
    });
}

#[test]
fn a_replaced_mount_keeps_what_it_had_in_its_old_generation() {
    async_io::block_on(async {
        let handle = spawn(&spec(json!({})));
        let old = credit(&handle).await.unwrap();
        let changed = handle.with(&spec(json!({"address": "http://127.0.0.1:10/"})), false);
        assert!(credit(&handle).await.is_ok(), "it does not count yet");
        changed.take_effect();
        let left = changed.succeed(&handle, Ending::Finish, false);
        assert_eq!(refusal(&handle).await, Kind::Moved, "who found the old one looks again");
        let new = credit(&changed).await.unwrap();
        let remains = changed.status().generations;
        assert_eq!((remains.len(), remains[0].generation, remains[0].requests), (1, 1, 1));
        assert_eq!((left.len(), changed.status().generation, changed.in_flight()), (1, 2, 2));
        assert!(!old.is_cut() && !new.is_cut());
        drop(old);
        left[0].over().await;
        assert!(changed.status().generations.is_empty());
    });
}

#[test]
fn an_old_generation_is_cut_off_when_that_is_wished() {
    async_io::block_on(async {
        let mut handle = spawn(&spec(json!({})));
        for (port, ending) in [(10, Ending::Kill), (11, Ending::Deadline(Duration::from_millis(1)))] {
            let old = credit(&handle).await.unwrap();
            let address = format!("http://127.0.0.1:{port}/");
            handle = change(&handle, &spec(json!({ "address": address })), false, ending);
            let new = credit(&handle).await.unwrap();
            until(|| old.is_cut()).await;
            assert!(!new.is_cut());
        }
    });
}

#[test]
fn a_drained_mount_is_disabled_when_the_last_request_has_ended() {
    async_io::block_on(async {
        let open = spec(json!({}));
        let handle = spawn(&open);
        let last = credit(&handle).await.unwrap();
        let off = change(&handle, &spec(json!({"enabled": false})), false, Ending::DRAIN);
        until(|| off.lifecycle() == Lifecycle::Draining).await;
        assert_eq!(refusal(&off).await, Kind::Draining);
        drop(last);
        until(|| off.lifecycle() == Lifecycle::Disabled).await;
        assert_eq!(refusal(&off).await, Kind::Disabled);
        let again = change(&off, &open, false, Ending::Finish);
        until(|| again.lifecycle() == Lifecycle::Open).await;
        assert!(credit(&again).await.is_ok());
    });
}

#[test]
fn a_disabled_mount_that_is_edited_or_drained_again_answers_when_it_is_enabled() {
    async_io::block_on(async {
        let open = spec(json!({}));
        let handle = spawn(&open);
        let last = credit(&handle).await.unwrap();
        let off = spec(json!({"enabled": false}));
        let mut now = change(&handle, &off, false, Ending::Finish);
        let labelled = spec(json!({"enabled": false, "labels": {"a": "b"}}));
        now = change(&now, &labelled, false, Ending::Finish);
        let again = now.with(&off, false);
        again.take_effect();
        assert_eq!(again.succeed(&now, Ending::Kill, true).len(), 1, "what there was, and nothing else");
        assert!(last.is_cut());
        let open = change(&again, &open, false, Ending::Finish);
        assert!(credit(&open).await.is_ok());
        assert_eq!(open.status().generation, 2);
    });
}

#[test]
fn who_held_a_place_when_a_mount_was_switched_off_asks_again() {
    async_io::block_on(async {
        let handle = spawn(&spec(json!({})));
        until(|| handle.lifecycle() == Lifecycle::Open).await;
        let mut early = handle.shared.credits.spend().unwrap();
        let off = change(&handle, &spec(json!({"enabled": false})), false, Ending::Kill);
        assert!(!handle.enter(&mut early), "its generation is retired");
        assert!(!off.admits(), "so it is not taken into the new one either");
    });
}

#[test]
fn who_comes_after_a_pause_is_not_slowed_down_by_it() {
    async_io::block_on(async {
        let spec = spec(json!({}));
        let handle = spawn(&spec);
        until(|| handle.lifecycle() == Lifecycle::Open).await;
        let paused = change(&handle, &spec, true, Ending::Finish);
        let mut held = Box::pin(credit(&paused));
        let mut second = Box::pin(credit(&paused));
        assert!(future::poll_once(&mut held).await.is_none() && future::poll_once(&mut second).await.is_none());
        until(|| paused.status().held == 2).await;
        let open = change(&paused, &spec, false, Ending::Finish);
        let begun = Instant::now();
        for _ in 0..200 {
            drop(credit(&open).await.unwrap());
        }
        let longest = RELEASE_STEP * u32::try_from(RELEASE_STEPS).unwrap();
        assert!(begun.elapsed() < longest * 5, "{:?}", begun.elapsed());
        drop((held.await.unwrap(), second.await.unwrap()));
    });
}

#[test]
fn a_stopped_mount_lets_its_requests_finish_and_ends() {
    async_io::block_on(async {
        let handle = spawn(&spec(json!({})));
        let last = credit(&handle).await.unwrap();
        assert_eq!(handle.stop(Ending::Finish).len(), 1);
        until(|| handle.lifecycle() == Lifecycle::Draining).await;
        assert_eq!(refusal(&handle).await, Kind::Moved);
        assert_eq!(handle.in_flight(), 1);
        drop(last);
        until(|| handle.lifecycle() == Lifecycle::Stopped).await;
        assert_eq!(refusal(&handle).await, Kind::Moved);
    });
}

#[test]
fn what_a_stopped_mount_still_has_is_cut_off_after_its_time() {
    async_io::block_on(async {
        let handle = spawn(&spec(json!({})));
        let last = credit(&handle).await.unwrap();
        assert!(!last.is_cut());
        drop(handle.stop(Ending::Deadline(Duration::from_millis(1))));
        until(|| last.is_cut()).await;
        assert_eq!(handle.lifecycle(), Lifecycle::Draining);
        drop(last);
        until(|| handle.lifecycle() == Lifecycle::Stopped).await;
    });
}

#[test]
fn a_panic_restarts_the_actor_and_nobody_else_notices() {
    async_io::block_on(async {
        let (broken, other) = (spawn(&spec(json!({}))), spawn(&spec(json!({}))));
        let on_its_way = credit(&broken).await.unwrap();
        let elsewhere = credit(&other).await.unwrap();
        broken.shared.panics_wanted.store(2, Ordering::Release);
        broken.shared.signal.notify(usize::MAX);
        until(|| broken.status().restarts == 2).await;
        assert_eq!(broken.in_flight(), 1, "the request on its way goes on");
        // Asked while the actor is down: it waits.
        assert!(credit(&broken).await.is_ok());
        until(|| broken.lifecycle() == Lifecycle::Open).await;
        assert_eq!((other.status().restarts, other.lifecycle()), (0, Lifecycle::Open));
        drop((on_its_way, elsewhere));
    });
}

#[test]
fn a_restart_that_is_wished_ends_a_pause_after_failures_and_hurts_nobody() {
    async_io::block_on(async {
        let handle = spawn(&spec(json!({})));
        let on_its_way = credit(&handle).await.unwrap();
        // The pause after the last of these is longer than anybody waits here.
        handle.shared.panics_wanted.store(9, Ordering::Release);
        until(|| {
            handle.shared.signal.notify(usize::MAX);
            handle.shared.panics_wanted.load(Ordering::Acquire) == 0 && handle.restarts() == 9
        })
        .await;
        handle.restart();
        until(|| handle.lifecycle() == Lifecycle::Open).await;
        assert_eq!(handle.restarts(), 9, "only failures count");
        assert!(!on_its_way.is_cut());
        assert!(credit(&handle).await.is_ok());
    });
}

#[test]
fn a_new_spec_counts_at_once() {
    async_io::block_on(async {
        let handle = spawn(&spec(json!({})));
        drop(credit(&handle).await.unwrap());
        let changed = handle.with(&limited(0, 0, 0), false);
        assert!(credit(&handle).await.is_ok(), "it does not count yet");
        changed.take_effect();
        assert_eq!(refusal(&changed).await, Kind::Saturated);
    });
}
