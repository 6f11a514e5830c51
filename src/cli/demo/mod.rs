//! `demo`: one recording's whole life in one command, with everything real but the people.
//!
//! A vault is made, its bucket is served by the embedded store over HTTP, its gateway listens on the
//! loopback interface, and everybody in the story asks it through a client of their own. What each
//! step shows is checked, and the checks are told at the end.

mod audio;
mod audit;
mod backup;
mod folder;
mod house;
mod material;
mod story;
mod supplier;
mod withdrawal;

use std::path::{Path, PathBuf};

use serde_json::json;

use super::failure::Failure;
use super::output::Output;
use super::profile::write_private;
use super::serve::means;
use crate::gateway::asked_to_stop;
use folder::Folder;
use house::{Cast, House, failed};
use story::Story;

/// New codes of everybody in the story, for a vault that is kept.
const CODES_FILE: &str = "demo-codes.txt";

/// Play one recording's whole life, on real audio, in a vault of its own.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Keep the vault in this folder, a new or empty one.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

pub(super) async fn run(args: Args, out: &Output) -> Result<(), Failure> {
    let means = means();
    let begun = means.clock.now();
    let mut story = Story::new(*out);
    let desk = Folder::new(&*means.entropy)?;
    let vault = args.keep.clone().unwrap_or_else(|| desk.join("vault"));
    let stop = asked_to_stop().map_err(failed)?;
    let played = tokio::select! {
        played = play(&vault, args.keep.is_some(), &desk, &mut story) => played,
        () = stop => Err(Failure::failed("it was interrupted")),
    };
    // The recordings and the vault's copies go, whatever happened.
    drop(desk);
    played.map_err(|failure| {
        let place = story.place();
        Failure::failed(format!("the demo stopped {place}: {failure}"))
    })?;

    let took = means.clock.now().duration_since(begun).as_secs_f64();
    let failed = story.failed();
    let answer = json!({
        "checks": story.checks(),
        "held": failed.is_empty(),
        "seconds": (took * 10.0).round() / 10.0,
        "kept": args.keep,
    });
    out.answer(&answer, || ending(&story, took, args.keep.as_deref()));
    match failed.is_empty() {
        true => Ok(()),
        false => Err(Failure::failed(format!(
            "{} of {} checks did not hold: {}",
            failed.len(),
            story.checks().len(),
            failed.join("; ")
        ))),
    }
}

/// The whole story, after which the house is closed whatever happened in it.
async fn play(vault: &Path, keep: bool, desk: &Folder, story: &mut Story) -> Result<(), Failure> {
    let (house, code) = House::open(vault, story).await?;
    let told = tell(&house, code, keep, desk, story).await;
    told.and(house.close().await)
}

async fn tell(
    house: &House,
    code: String,
    keep: bool,
    desk: &Folder,
    story: &mut Story,
) -> Result<(), Failure> {
    let cast = &house.invite_everybody(code, story).await?;

    let material = &material::gather(house, cast, desk, story).await?;
    material::look_at_rest(house, material, story).await?;
    material::fetch_back(cast, material, desk, story).await?;

    supplier::commissioner_looks(house, cast, material, desk, story).await?;
    let transcript = supplier::transcription(house, cast, material, desk, story).await?;

    let backup = backup::make(house, desk, story)?;
    let erasure = withdrawal::withdraw(cast, material, desk, story).await?;
    withdrawal::erase(house, cast, material, transcript, erasure, desk, story).await?;
    withdrawal::verify_certificate(cast, material, erasure, story).await?;

    let found = backup::open_with_its_own_root(house, material, &backup, desk, story).await?;
    backup::open_with_what_is_left(house, &backup, &found, desk, story)?;

    audit::verify(house, cast, material, erasure, story).await?;
    material::look_again(house, material, story)?;
    if keep {
        leave_codes(house.dir(), cast).await?;
    }
    Ok(())
}

/// Writes new codes to a private file: a kept vault is of use to whoever can log in.
async fn leave_codes(vault: &Path, cast: &Cast) -> Result<(), Failure> {
    let mut lines = String::new();
    for member in cast.members() {
        let invited = cast.administrator.client.reinvite(member.id).await?;
        lines.push_str(&format!("{} {}\n", invited.code, member.who));
    }
    write_private(&vault.join(CODES_FILE), lines.as_bytes())
}

fn ending(story: &Story, took: f64, kept: Option<&Path>) -> String {
    let mut lines = vec![String::new(), story.table(), String::new()];
    let checks = story.checks().len();
    lines.push(match story.failed().len() {
        0 => format!("  All {checks} checks held, in {took:.1} s."),
        failed => format!("  {failed} of {checks} checks did NOT hold."),
    });
    lines.push(match kept {
        None => "  The vault and everything else the demo made is removed.".to_owned(),
        Some(dir) => {
            let shown = dir.display();
            format!(
                "  The vault is kept in {shown}. To go on with it:\n    strongroom serve --vault {shown}\n    strongroom login http://127.0.0.1:7420 --code CODE\n  {} has a new code for everybody in the story; each works once.",
                dir.join(CODES_FILE).display()
            )
        }
    });
    lines.join("\n")
}
