//! Proof of what must hold whatever peers do (I1 to I9): properties of the
//! parsers and encoders, comparison with other programs, and a simulation of
//! many clients and upstreams around the real connection, backend and pool.

mod memory;
mod simulation;
mod world;
