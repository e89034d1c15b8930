//! The tasks of a thread: which of them have something to do.
//!
//! Owns their order: who was woken first runs first, and who is woken while they
//! run does so after the reactor was heard again. Nearly all of them are woken by
//! their own thread, so its queue is its own; what others wake comes through a lock.

use super::reactor::{self, Reactor};
use async_task::Runnable;
use futures_lite::future;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Wake};

thread_local! {
    /// Those of this thread that were woken by itself.
    static READY: RefCell<VecDeque<Runnable>> = const { RefCell::new(VecDeque::new()) };
}

/// The tasks of the thread that turns a reactor.
#[derive(Debug, Clone)]
pub struct Tasks {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    reactor: Arc<Reactor>,
    woken_elsewhere: Mutex<Vec<Runnable>>,
    /// There may be some.
    is_woken_elsewhere: AtomicBool,
}

impl Tasks {
    /// None yet, of the thread that will turn that reactor.
    #[must_use]
    pub fn of(reactor: &Arc<Reactor>) -> Self {
        let shared = Shared {
            reactor: Arc::clone(reactor),
            woken_elsewhere: Mutex::default(),
            is_woken_elsewhere: AtomicBool::new(false),
        };
        Self { shared: Arc::new(shared) }
    }

    /// One more. It lives until it has ended; a panic ends it and nothing else.
    pub fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        let shared = Arc::clone(&self.shared);
        let schedule = move |task| shared.schedule(task);
        let (task, handle) = async_task::Builder::new().propagate_panic(true).spawn(|()| future, schedule);
        task.schedule();
        handle.detach();
    }

    /// Runs them on the thread that turns the reactor until `future` has ended.
    pub async fn run_until<T>(&self, future: impl Future<Output = T>) -> T {
        let run = future::poll_fn(|_| {
            self.shared.run_ready();
            Poll::Pending
        });
        future::or(future, run).await
    }
}

impl Shared {
    fn schedule(&self, task: Runnable) {
        if reactor::here() == self.reactor.number() {
            READY.with_borrow_mut(|ready| ready.push_back(task));
            self.reactor.stay_awake();
        } else {
            self.woken_elsewhere.lock().unwrap_or_else(PoisonError::into_inner).push(task);
            self.is_woken_elsewhere.store(true, Ordering::Release);
            self.reactor.wake_by_ref();
        }
    }

    fn run_ready(&self) {
        let mut left = READY.with_borrow_mut(|ready| {
            if self.is_woken_elsewhere.load(Ordering::Relaxed) && self.is_woken_elsewhere.swap(false, Ordering::AcqRel)
            {
                ready.extend(self.woken_elsewhere.lock().unwrap_or_else(PoisonError::into_inner).drain(..));
            }
            ready.len()
        });
        while left > 0
            && let Some(task) = READY.with_borrow_mut(VecDeque::pop_front)
        {
            left -= 1;
            task.run();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::reactor::Driver;
    use super::*;
    use std::sync::atomic::AtomicUsize;

    fn run<T>(driver: Driver, tasks: &Tasks, future: impl Future<Output = T>) -> T {
        driver.block_on(tasks.run_until(future)).unwrap()
    }

    #[test]
    fn all_get_their_turn_whoever_wakes_them_and_though_one_never_waits() {
        let driver = Driver::new().unwrap();
        let tasks = Tasks::of(driver.reactor());
        let turns = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&turns);
        tasks.spawn(async move {
            loop {
                counted.fetch_add(1, Ordering::Relaxed);
                future::yield_now().await;
            }
        });
        let (asks, asked) = async_channel::bounded::<usize>(1);
        let (answers, answered) = async_channel::bounded(1);
        tasks.spawn(async move {
            while let Ok(number) = asked.recv().await {
                answers.send(number + 1).await.unwrap();
            }
        });
        let elsewhere = std::thread::spawn(move || {
            for number in 0..100 {
                asks.send_blocking(number).unwrap();
                assert_eq!(answered.recv_blocking(), Ok(number + 1));
            }
        });
        let ended = async {
            while !elsewhere.is_finished() {
                future::yield_now().await;
            }
        };
        run(driver, &tasks, ended);
        elsewhere.join().unwrap();
        assert!(turns.load(Ordering::Relaxed) > 0);
    }

    #[test]
    fn who_is_woken_by_several_threads_at_once_misses_none() {
        const ROUNDS: usize = 5_000;
        let driver = Driver::new().unwrap();
        let tasks = Tasks::of(driver.reactor());
        let mut elsewhere = Vec::new();
        let (sender, ended) = async_channel::bounded(2);
        for _ in 0..2 {
            let (asks, asked) = async_channel::bounded::<usize>(1);
            let (answers, answered) = async_channel::bounded(1);
            let sender = sender.clone();
            tasks.spawn(async move {
                while let Ok(number) = asked.recv().await {
                    answers.send(number).await.unwrap();
                }
                sender.send(()).await.unwrap();
            });
            elsewhere.push(std::thread::spawn(move || {
                for number in 0..ROUNDS {
                    asks.send_blocking(number).unwrap();
                    assert_eq!(answered.recv_blocking(), Ok(number));
                }
            }));
        }
        run(driver, &tasks, async {
            for _ in 0..2 {
                ended.recv().await.unwrap();
            }
        });
        elsewhere.into_iter().for_each(|thread| thread.join().unwrap());
    }

    #[test]
    fn a_panic_ends_its_own_task_and_no_other() {
        let driver = Driver::new().unwrap();
        let tasks = Tasks::of(driver.reactor());
        let (ending, ended) = async_channel::bounded::<()>(1);
        tasks.spawn(async move {
            let _held = ending;
            panic!("as the test wished");
        });
        let (sender, receiver) = async_channel::bounded(1);
        tasks.spawn(async move { sender.send(ended.recv().await.is_err()).await.unwrap() });
        assert_eq!(run(driver, &tasks, receiver.recv()), Ok(true));
    }

    #[test]
    fn who_is_woken_while_tasks_run_comes_after_who_was_woken_before() {
        let driver = Driver::new().unwrap();
        let tasks = Tasks::of(driver.reactor());
        let (sender, receiver) = async_channel::unbounded();
        for name in ["a", "b"] {
            let sender = sender.clone();
            tasks.spawn(async move {
                for turn in 0..3 {
                    sender.send((turn, name)).await.unwrap();
                    future::yield_now().await;
                }
            });
        }
        drop(sender);
        let order = run(driver, &tasks, async {
            let mut order = Vec::new();
            while let Ok(turn) = receiver.recv().await {
                order.push(turn);
            }
            order
        });
        assert_eq!(order, [(0, "a"), (0, "b"), (1, "a"), (1, "b"), (2, "a"), (2, "b")]);
    }
}
