//! The command line: one file a subcommand, each a thin caller of client or work.

mod assign;
mod audit;
mod certificate;
mod day;
mod demo;
mod disclosure;
mod erasure;
mod failure;
mod fetch;
mod generate;
mod hardening;
mod item;
mod login;
mod me;
mod output;
mod participant;
mod person;
mod profile;
mod progress;
mod release;
mod request;
mod retention;
mod review;
mod serve;
mod session;
mod study;
mod supplier;
mod transcript;
mod unlock;
mod upkeep;
mod upload;
mod vault;
mod withdraw;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use failure::Failure;
use output::Output;
use profile::Profile;

/// What the exit codes mean, at the end of every help text.
const EXIT_CODES: &str = "Exit codes: 0 done, 1 failed, 2 usage, 3 refused, 4 no such thing (or no longer), 5 gateway or storage unavailable.";

/// Keeps the promises made to people who take part in research.
#[derive(Debug, Parser)]
#[command(name = "strongroom", version, about, long_about = None, after_help = EXIT_CODES, propagate_version = true)]
pub struct Cli {
    /// Print JSON instead of words.
    #[arg(long, global = true)]
    json: bool,

    /// The profile to use: which gateway, and who you are there.
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "STRONGROOM_PROFILE",
        default_value = "default"
    )]
    profile: String,

    /// Log more to standard error; twice for everything.
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    verbose: u8,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Play one recording's whole life, on real audio, in a vault of its own.
    Demo(demo::Args),
    /// Make a vault, look at it, back it up and put it back, rotate its root, mend its index.
    #[command(subcommand)]
    Vault(vault::Command),
    /// Run the gateway of a vault.
    Serve(serve::Args),
    /// Enrol at a gateway with a code.
    Login(login::Args),
    /// Take back this profile's token.
    Logout,
    /// Say who you are here.
    Whoami,
    /// The terms of use.
    #[command(subcommand)]
    Terms(me::TermsCommand),
    /// Your own account: export it, correct it.
    #[command(subcommand)]
    Me(me::Command),
    /// Invite people, stop their access.
    #[command(subcommand)]
    Person(person::Command),
    /// Run a study: its terms and its team.
    #[command(subcommand)]
    Study(study::Command),
    /// Add those who take part.
    #[command(subcommand)]
    Participant(participant::Command),
    /// Add the sessions that were held.
    #[command(subcommand)]
    Session(session::Command),
    /// Bring recordings, transcripts, notes and photographs.
    Upload(upload::Args),
    /// List and show what is kept.
    #[command(subcommand)]
    Item(item::Command),
    /// Fetch an item, opened or sealed.
    Fetch(fetch::Args),
    /// The approved list of suppliers.
    #[command(subcommand)]
    Supplier(supplier::Command),
    /// Give an item to a supplier.
    Assign(assign::Args),
    /// What was given to suppliers.
    #[command(subcommand)]
    Assignment(assign::Command),
    /// Accept transcripts, or have them brought again.
    #[command(subcommand)]
    Transcript(transcript::Command),
    /// Give anonymised outputs to the commissioner.
    #[command(subcommand)]
    Release(release::Command),
    /// Take an item back from a supplier.
    Unassign(assign::EndArgs),
    /// Record that a participant withdraws.
    Withdraw(withdraw::Args),
    /// Follow and approve erasures.
    #[command(subcommand)]
    Erasure(erasure::Command),
    /// Record and answer what participants ask: access, rectification, erasure and the others.
    #[command(subcommand)]
    Request(request::Command),
    /// Raise and decide what may have to be disclosed.
    #[command(subcommand)]
    Disclosure(disclosure::Command),
    /// Verify a certificate of erasure, anywhere.
    #[command(subcommand)]
    Certificate(certificate::Command),
    /// What is due for destruction, and its destruction.
    #[command(subcommand)]
    Retention(retention::Command),
    /// Review who has access to what, and how it is used.
    #[command(subcommand)]
    Review(review::Command),
    /// Read who did what.
    #[command(subcommand)]
    Audit(audit::Command),
    /// Print completions for a shell.
    Completions(generate::CompletionsArgs),
    /// Write manual pages to a folder.
    Man(generate::ManArgs),
}

impl Command {
    /// Whether it opens a vault, and not a gateway.
    fn holds_keys(&self) -> bool {
        matches!(self, Self::Serve(_) | Self::Vault(_) | Self::Demo(_))
    }
}

/// Parses the arguments, does what they say, and gives the exit code.
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return misused(&error),
    };
    let output = Output::new(cli.json);
    start_logging(cli.verbose, matches!(cli.command, Command::Serve(_)));
    hardening::close_to_others();
    let mut runtime = match cli.command.holds_keys() {
        true => {
            hardening::stay_out_of_swap();
            tokio::runtime::Builder::new_multi_thread()
        }
        // One who asks a gateway waits for it most of the time, and wakes no other thread for that.
        false => tokio::runtime::Builder::new_current_thread(),
    };
    let outcome = match runtime.enable_all().build() {
        Ok(runtime) => {
            let outcome = runtime.block_on(dispatch(cli, &output));
            // A read that never ends must not keep the program.
            runtime.shutdown_background();
            outcome
        }
        Err(error) => Err(Failure::failed(format!(
            "the program cannot start its threads: {error}"
        ))),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output.failure(&failure);
            failure.code()
        }
    }
}

/// Says what is wrong with the arguments, in JSON when they ask for it; or gives the help they ask for.
fn misused(error: &clap::Error) -> ExitCode {
    let json = std::env::args_os().any(|argument| argument == "--json");
    if !error.use_stderr() || !json {
        error.exit();
    }
    let text = error.to_string();
    let failure = Failure::usage(text.trim_start_matches("error: ").trim_end());
    Output::new(true).failure(&failure);
    failure.code()
}

async fn dispatch(cli: Cli, out: &Output) -> Result<(), Failure> {
    let profile = || Profile::named(&cli.profile);
    match cli.command {
        Command::Demo(args) => demo::run(args, out).await,
        Command::Vault(command) => vault::run(command, &profile()?, out).await,
        Command::Serve(args) => serve::run(args, out).await,
        Command::Login(args) => login::login(args, &profile()?, out).await,
        Command::Logout => login::logout(&profile()?, out).await,
        Command::Whoami => login::whoami(&profile()?, out).await,
        Command::Terms(command) => me::terms(command, &profile()?, out).await,
        Command::Me(command) => me::run(command, &profile()?, out).await,
        Command::Person(command) => person::run(command, &profile()?, out).await,
        Command::Study(command) => study::run(command, &profile()?, out).await,
        Command::Participant(command) => participant::run(command, &profile()?, out).await,
        Command::Session(command) => session::run(command, &profile()?, out).await,
        Command::Upload(args) => upload::run(args, &profile()?, out).await,
        Command::Item(command) => item::run(command, &profile()?, out).await,
        Command::Fetch(args) => fetch::run(args, &profile()?, out).await,
        Command::Supplier(command) => supplier::run(command, &profile()?, out).await,
        Command::Assign(args) => assign::run(args, &profile()?, out).await,
        Command::Assignment(command) => assign::command(command, &profile()?, out).await,
        Command::Transcript(command) => transcript::run(command, &profile()?, out).await,
        Command::Release(command) => release::run(command, &profile()?, out).await,
        Command::Unassign(args) => assign::end(args, &profile()?, out).await,
        Command::Withdraw(args) => withdraw::run(args, &profile()?, out).await,
        Command::Erasure(command) => erasure::run(command, &profile()?, out).await,
        Command::Request(command) => request::run(command, &profile()?, out).await,
        Command::Disclosure(command) => disclosure::run(command, &profile()?, out).await,
        Command::Certificate(command) => certificate::run(command, out),
        Command::Retention(command) => retention::run(command, &profile()?, out).await,
        Command::Review(command) => review::run(command, &profile()?, out).await,
        Command::Audit(command) => audit::run(command, &profile()?, out).await,
        Command::Completions(args) => generate::completions(&args),
        Command::Man(args) => generate::man(&args, out),
    }
}

/// Logs go to standard error: warnings, and for the gateway what it does.
fn start_logging(verbose: u8, serving: bool) {
    use tracing_subscriber::EnvFilter;
    let usual = match (verbose, serving) {
        // s3s calls every question it cannot answer an error; the questions are ours and expected.
        (0, false) => "error,s3s=off",
        (0, true) => "strongroom=info,warn,s3s=off",
        (1, _) => "strongroom=debug,info,s3s=off",
        _ => "debug",
    };
    let filter = EnvFilter::try_from_env("STRONGROOM_LOG").unwrap_or_else(|_| usual.into());
    let logging = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    // A second start is a test in one process: the first one's logging serves.
    let _ = logging.try_init();
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_well_formed() {
        let mut command = Cli::command();
        // What is propagated must not clash with anything either.
        command.build();
        command.debug_assert();
    }

    /// Every command on the pages for each role is one there is, with the options named.
    #[test]
    fn the_pages_for_each_role_name_commands_there_are() {
        let mut whole = Cli::command();
        whole.build();
        let mut checked = 0;
        for page in std::fs::read_dir("docs/roles").expect("pages") {
            let page = std::fs::read_to_string(page.expect("a page").path()).expect("read");
            for said in page.split('`').skip(1).step_by(2) {
                if let Some(words) = said.strip_prefix("strongroom ") {
                    is_there(&whole, words);
                    checked += 1;
                }
            }
        }
        assert!(checked > 40, "{checked}");
    }

    fn is_there(whole: &clap::Command, words: &str) {
        let mut command = whole;
        for word in words.split_whitespace() {
            if let Some(long) = word.strip_prefix("--") {
                let mut known = command.get_arguments();
                let known = known.any(|known| known.get_long() == Some(long));
                assert!(known, "no --{long}: {words}");
            } else if let Some(next) = command.find_subcommand(word) {
                command = next;
            }
        }
        assert!(!command.has_subcommands(), "no such command: {words}");
    }
}
