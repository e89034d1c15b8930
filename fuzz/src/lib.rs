//! What the fuzz targets do with their input: each function asserts what must
//! hold for any bytes. The tests of the proof share the checks and the world.

#[path = "../../tests/proof/checks.rs"]
pub mod checks;
mod exchange;
#[path = "../../tests/proof/world.rs"]
pub mod world;

pub use checks::{content as chunked, framing, heads};
pub use exchange::exchange;
