//! The `standin` program: arguments to exit code, and nothing else.

fn main() -> std::process::ExitCode {
    standin::cli::main()
}
