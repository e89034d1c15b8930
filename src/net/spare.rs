//! What a thread keeps for whoever of its tasks needs the like next.

use std::cell::RefCell;
use std::thread::LocalKey;

/// Things that nobody needs for now.
pub type Spare<T> = RefCell<Vec<T>>;

/// One of them, if there is any.
pub fn take<T>(spare: &'static LocalKey<Spare<T>>) -> Option<T> {
    spare.with_borrow_mut(Vec::pop)
}

/// Keeps one more, if there are fewer than `count_max`.
pub fn keep<T>(spare: &'static LocalKey<Spare<T>>, count_max: usize, thing: T) {
    // A thread that ends needs none.
    let _ = spare.try_with(|spare| {
        let mut spare = spare.borrow_mut();
        if spare.len() < count_max {
            spare.push(thing);
        }
    });
}
