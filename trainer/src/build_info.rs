//! Version and commit of the build.

/// Version of the program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Short hash of the git commit, if the variable `UNSTAMP_COMMIT` gave it to the build; the
/// Makefile sets it.
pub fn commit() -> Option<String> {
    option_env!("UNSTAMP_COMMIT").filter(|commit| !commit.is_empty()).map(str::to_string)
}
