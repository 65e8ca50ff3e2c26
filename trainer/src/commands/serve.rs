//! `unstamp serve`: serve the built site on loopback.

use anyhow::Result;
use clap::Args;
use std::path::PathBuf;

/// Arguments of `unstamp serve`.
#[derive(Args)]
pub struct ServeArgs {
    /// Folder of the built site
    #[arg(default_value = "web/dist")]
    folder: PathBuf,
    /// Port; 0 takes a free port
    #[arg(long, default_value_t = 8080)]
    port: u16,
}

/// Serves a folder until the process ends.
///
/// # Errors
/// The folder holds no site, or the port is taken.
pub fn serve(args: &ServeArgs) -> Result<()> {
    crate::serve::serve(&args.folder, args.port)
}
