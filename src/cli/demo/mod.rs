//! `demo`: being written.
use super::failure::Failure;
use super::output::Output;
/// Play one recording's whole life.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}
pub(super) async fn run(_args: Args, _out: &Output) -> Result<(), Failure> {
    Err(Failure::failed("not there yet"))
}
