//! The `standin` program: arguments to exit code, and nothing else.

/// Memory that one thread takes and another gives back is the rule here, and
/// the system's allocator locks for it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    standin::cli::main()
}
