//! The threads on which connections run.
//!
//! Owns the choice of a thread for each connection: the one that has fewest,
//! and then that one for life. Its memory and its sockets stay with one core,
//! which is worth more than the even spread that stealing tasks would give.

use super::listen::{Spawn, Task};
use super::reactor::Driver;
use async_executor::Executor;
use futures_lite::future;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

/// One thread and how many connections it has.
#[derive(Debug, Default)]
struct Worker {
    executor: Executor<'static>,
    connections: AtomicUsize,
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
    let workers: Vec<Arc<Worker>> = (0..count()).map(|_| Arc::default()).collect();
    for (number, worker) in workers.iter().enumerate() {
        let (worker, driver) = (Arc::clone(worker), Driver::new()?);
        std::thread::Builder::new()
            .name(format!("standin-work-{number}"))
            .spawn(move || driver.block_on(worker.executor.run(future::pending::<()>())))?;
    }
    Ok(Arc::new(move |task| run(&workers, task)))
}

fn run(workers: &[Arc<Worker>], task: Task) {
    let connections = |worker: &&Arc<Worker>| worker.connections.load(Ordering::Relaxed);
    let Some(worker) = workers.iter().min_by_key(connections) else { return };
    let counted = Counted::new(Arc::clone(worker));
    let connection = async move {
        task.await;
        drop(counted);
    };
    worker.executor.spawn(connection).detach();
}

/// Counts a connection for as long as it lives, even if it ends by a panic.
struct Counted {
    worker: Arc<Worker>,
}

impl Counted {
    fn new(worker: Arc<Worker>) -> Self {
        worker.connections.fetch_add(1, Ordering::Relaxed);
        Self { worker }
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
        let workers: Vec<Arc<Worker>> = (0..2).map(|_| Arc::default()).collect();
        let counts = || [0, 1].map(|number: usize| workers[number].connections.load(Ordering::Relaxed));
        run(&workers, Box::pin(future::pending()));
        run(&workers, Box::pin(future::ready(())));
        run(&workers, Box::pin(async { panic!("as the test wished") }));
        assert_eq!(counts(), [2, 1]);
        for worker in &workers {
            while worker.executor.try_tick() {}
        }
        assert_eq!(counts(), [1, 0]);
    }
}
