//! `fetch`: an item, or a range of it, or a sealed copy.

use std::ops::Range;
use std::path::PathBuf;

use serde_json::json;

use super::failure::Failure;
use super::output::Output;
use super::profile::Profile;
use super::progress::Bar;
use crate::agefile::{Plugins, Recipients};
use crate::client::Target;
use crate::id::ItemId;

/// Fetch an item, opened or sealed.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The item.
    item: ItemId,
    /// Where to; `-` is standard output. By default a file in this folder named after the item.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Only these bytes, first and last: `0-99` is the first hundred.
    #[arg(long, value_name = "A-B", value_parser = parse_range, conflicts_with = "sealed")]
    range: Option<Range<u64>>,
    /// As an age file, sealed to your own recipient: `age -d -i IDENTITY` opens it.
    #[arg(long)]
    sealed: bool,
    /// Seal it to this age recipient instead; may be repeated.
    #[arg(long, value_name = "AGE", requires = "sealed")]
    recipient: Vec<String>,
    /// While somebody withdraws from it: to make a version without them, as the study's lead.
    #[arg(long, conflicts_with = "sealed")]
    for_redaction: bool,
    /// Overwrite the file if it exists.
    #[arg(long)]
    force: bool,
}

pub(super) async fn run(args: Args, profile: &Profile, out: &Output) -> Result<(), Failure> {
    if !args.recipient.is_empty() {
        // Looked at here first: a secret key given by mistake must not leave this machine.
        Recipients::parse(&args.recipient, Plugins::Refuse)
            .map_err(|error| Failure::usage(error.to_string()))?;
    }
    let client = profile.client().await?;
    let path = args.output.unwrap_or_else(|| {
        let ending = if args.sealed { ".age" } else { "" };
        PathBuf::from(format!("{}{ending}", args.item))
    });
    let target = Target::named(&path, args.force);
    let bar = Bar::new(&args.item.to_string(), out.is_json());
    let fetched = match args.sealed {
        true => {
            client
                .fetch_sealed(args.item, &args.recipient, &target, &bar)
                .await?
        }
        false if args.for_redaction => {
            client
                .fetch_original(args.item, args.range, &target, &bar)
                .await?
        }
        false => client.fetch(args.item, args.range, &target, &bar).await?,
    };
    drop(bar);
    if !target.is_stdout() {
        let answer = json!({
            "id": args.item,
            "file": path.to_string_lossy(),
            "bytes": fetched.bytes,
            "sealed": args.sealed,
            "interruptions": fetched.interruptions,
        });
        out.answer(&answer, || {
            format!("{} bytes are in {}.", fetched.bytes, path.display())
        });
    }
    Ok(())
}

/// `A-B`, both ends included.
fn parse_range(text: &str) -> Result<Range<u64>, String> {
    let not = || format!("{text:?} is not a range; write the first and the last byte, as in 0-99");
    let (first, last) = text.split_once('-').ok_or_else(not)?;
    let first: u64 = first.parse().map_err(|_| not())?;
    let last: u64 = last.parse().map_err(|_| not())?;
    match last.checked_add(1) {
        Some(end) if first < end => Ok(first..end),
        _ => Err(not()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_include_both_ends() {
        assert_eq!(parse_range("0-99"), Ok(0..100));
        assert_eq!(parse_range("7-7"), Ok(7..8));
        for bad in ["", "-", "9-1", "1-", "-1", "a-b", "0-18446744073709551615"] {
            assert!(parse_range(bad).is_err(), "{bad}");
        }
    }
}
