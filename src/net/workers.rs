//! The threads on which connections run.
//!
//! Owns the choice of a thread for each connection: the one that has fewest,
//! and then that one for life. Its memory and its sockets stay with one core,
//! which is worth more than the even spread that stealing tasks would give.

use super::listen::{Spawn, Task};
use super::reactor::Driver;
use super::tasks::Tasks;
use futures_lite::future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};

/// One thread and how many connections it has.
#[derive(Debug)]
struct Worker {
    tasks: Tasks,
    connections: AtomicUsize,
}

impl Worker {
    fn of(driver: &Driver) -> Arc<Self> {
        Arc::new(Self { tasks: Tasks::of(driver.reactor()), connections: AtomicUsize::new(0) })
    }
}

/// How many threads [`start`] starts. Asking the system takes a while.
#[must_use]
pub fn count() -> usize {
    static COUNT: LazyLock<usize> = LazyLock::new(|| std::thread::available_parallelism().map_or(1, usize::from));
    *COUNT
}

/// Starts as many threads as there are cores and gives the way to run
/// connections on them. The threads end with the process.
pub fn start() -> io::Result<Spawn> {
    let mut workers = Vec::new();
    for number in 0..count() {
        let driver = Driver::new()?;
        let worker = Worker::of(&driver);
        workers.push(Arc::clone(&worker));
        std::thread::Builder::new()
            .name(format!("standin-work-{number}"))
            .spawn(move || driver.block_on(worker.tasks.run_until(future::pending::<()>())))?;
    }
    Ok(Arc::new(move |task| run(&workers, task)))
}

fn run(workers: &[Arc<Worker>], task: Task) {
    let connections = |worker: &&Arc<Worker>| worker.connections.load(Ordering::Relaxed);
    let Some(worker) = workers.iter().min_by_key(connections) else { return };
    worker.connections.fetch_add(1, Ordering::Relaxed);
    worker.tasks.spawn(Counted { task, worker: Arc::clone(worker) });
}

/// Counts a connection for as long as it lives, even if it ends by a panic.
struct Counted {
    task: Task,
    worker: Arc<Worker>,
}

impl Future for Counted {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.task.as_mut().poll(cx)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.worker.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_goes_where_there_are_fewest_and_is_counted_to_its_end() {
        let drivers = [0, 1].map(|_| Driver::new().unwrap());
        let workers = drivers.each_ref().map(Worker::of);
        let counts = || [0, 1].map(|number: usize| workers[number].connections.load(Ordering::Relaxed));
        run(&workers, Box::pin(future::pending()));
        run(&workers, Box::pin(future::ready(())));
        run(&workers, Box::pin(async { panic!("as the test wished") }));
        assert_eq!(counts(), [2, 1]);
        for (driver, worker) in drivers.into_iter().zip(&workers) {
            // All that can be run is run before the second look.
            let looks_twice = async {
                future::yield_now().await;
                future::yield_now().await;
            };
            driver.block_on(worker.tasks.run_until(looks_twice)).unwrap();
        }
        assert_eq!(counts(), [1, 0]);
    }
}
