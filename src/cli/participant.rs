//! `participant add|list|find|show|correct|consent|consents`.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::day::day;
use super::failure::Failure;
use super::output::{Output, or_dash, yes_no};
use super::profile::Profile;
use crate::client::Client;
use crate::id::{ItemId, ParticipantId, StudyId};
use crate::model::{Kind, Permission, Source, Standing, Text};
use crate::wire::{
    ConsentAnswer, ContactCorrection, ContactView, NewConsent, NewParticipant, NewSearch,
    ParticipantView,
};
use serde_json::json;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Add somebody who takes part. What names them is sealed under a key of their own.
    Add(AddArgs),
    /// A study's participants, by identifier.
    List {
        /// The study.
        #[arg(long)]
        study: StudyId,
    },
    /// Find somebody by what names them. That you searched is recorded; what for is not.
    #[command(group = clap::ArgGroup::new("sought").required(true))]
    Find {
        /// The study.
        #[arg(long)]
        study: StudyId,
        /// A whole e-mail address.
        #[arg(long, group = "sought")]
        email: Option<Text>,
        /// Words of a name.
        #[arg(long, group = "sought")]
        name: Option<Text>,
    },
    /// A participant, with what names them. That you looked is recorded.
    Show {
        /// Who.
        participant: ParticipantId,
    },
    /// Correct what names somebody; what was wrong goes with its key.
    Correct {
        /// Whose details.
        participant: ParticipantId,
        /// What they are called.
        #[arg(long)]
        name: Option<Text>,
        /// Where to write to them.
        #[arg(long)]
        email: Option<Text>,
        /// A field the study declares; `NAME=` takes it out.
        #[arg(long, value_name = "NAME=VALUE", value_parser = parse_field)]
        field: Vec<(Text, Option<Text>)>,
    },
    /// Record what somebody permits from now on; what is not named they permit no longer.
    Consent {
        /// Who.
        participant: ParticipantId,
        /// All that they permit.
        #[arg(long, value_delimiter = ',', required = true)]
        permit: Vec<Permission>,
        /// The day they said so; today, unless you say otherwise.
        #[arg(long, value_parser = day)]
        date: Option<Date>,
        /// The version of the privacy notice they were given; the one in force, unless you say otherwise.
        #[arg(long)]
        notice: Option<u32>,
        /// The form or recording of their word: an item of theirs.
        #[arg(long, value_name = "ITEM")]
        evidence: Option<ItemId>,
    },
    /// Every version of somebody's consent.
    Consents {
        /// Whose.
        participant: ParticipantId,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct AddArgs {
    /// The study.
    #[arg(long)]
    study: StudyId,
    /// What they permit: audio, video, screen, photo, notes, transcript, survey, recontact,
    /// supplier, automatic, share, quote.
    #[arg(long, value_delimiter = ',', required = true)]
    permit: Vec<Permission>,
    /// What they are called.
    #[arg(long)]
    name: Option<Text>,
    /// Where to write to them.
    #[arg(long)]
    email: Option<Text>,
    /// The group they are spoken of by, one of the study's.
    #[arg(long)]
    group: Option<Text>,
    /// directly, recruiter or earlier-survey.
    #[arg(long)]
    source: Option<Source>,
    /// A field the study declares; may be repeated.
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_field)]
    field: Vec<(Text, Option<Text>)>,
    /// The day they gave their consent.
    #[arg(long, value_parser = day)]
    consent_date: Option<Date>,
    /// The version of the privacy notice they were given; the one in force, unless you say otherwise.
    #[arg(long)]
    notice: Option<u32>,
}

pub(super) async fn run(command: Command, profile: &Profile, out: &Output) -> Result<(), Failure> {
    let client = profile.client().await?;
    match command {
        Command::Add(args) => add(args, &client, out).await?,
        Command::List { study } => {
            let participants = client.participants(study).await?;
            list(&participants, out);
        }
        Command::Find { study, email, name } => {
            let found = client
                .find_participants(study, &NewSearch { name, email })
                .await?;
            list(&found, out);
        }
        Command::Show { participant } => {
            let shown = client.participant(participant).await?;
            out.answer(&shown, || describe(&shown));
        }
        Command::Correct {
            participant,
            name,
            email,
            field,
        } => {
            let fields = once_each(field)?;
            let correction = ContactCorrection {
                name,
                email,
                fields,
            };
            client.correct_contact(participant, &correction).await?;
            out.answer(&json!({ "id": participant }), || {
                format!(
                    "Corrected {participant}. What was wrong becomes unreadable with the next erasure, in every copy."
                )
            });
        }
        Command::Consent {
            participant,
            permit,
            date,
            notice,
            evidence,
        } => {
            let new = NewConsent {
                permit: permit.into_iter().collect::<BTreeSet<_>>(),
                date,
                notice,
                evidence,
            };
            let answer = client.record_consent(participant, &new).await?;
            out.answer(&answer, || what_follows(&answer));
        }
        Command::Consents { participant } => {
            let versions = client.consents(participant).await?;
            let heading = ["version", "given", "notice", "basis", "permits", "evidence"];
            out.list(&versions, &heading, |row| {
                vec![
                    row.version.to_string(),
                    or_dash(row.given),
                    or_dash(row.notice),
                    row.lawful_basis.to_string(),
                    names(&row.permissions),
                    or_dash(row.evidence),
                ]
            });
        }
    }
    Ok(())
}

async fn add(args: AddArgs, client: &Client, out: &Output) -> Result<(), Failure> {
    let mut fields = BTreeMap::new();
    for (name, value) in once_each(args.field)? {
        let value = value.ok_or_else(|| {
            Failure::usage(format!(
                "the field {:?} has no value; write --field NAME=VALUE, or leave it out",
                name.as_str()
            ))
        })?;
        fields.insert(name, value);
    }
    let participant = NewParticipant {
        permit: args.permit.into_iter().collect::<BTreeSet<_>>(),
        name: args.name,
        email: args.email,
        fields,
        group: args.group,
        source: args.source,
        consent_date: args.consent_date,
        notice: args.notice,
    };
    let created = client.add_participant(args.study, &participant).await?;
    out.answer(&created, || {
        format!(
            "Added {}. Use this identifier from now on, and their name nowhere.",
            created.id
        )
    });
    Ok(())
}

fn list(participants: &[ParticipantView], out: &Output) {
    let heading = ["id", "permits", "standing", "added", "contact"];
    out.list(participants, &heading, |row| {
        vec![
            row.id.to_string(),
            names(&row.permissions),
            standing(row.standing).to_owned(),
            row.added.to_string(),
            yes_no(row.has_contact),
        ]
    });
}

fn names(permissions: &BTreeSet<Permission>) -> String {
    let names: Vec<_> = permissions.iter().map(|p| p.name()).collect();
    names.join(",")
}

fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Active => "active",
        Standing::Frozen => "withdrawing",
        Standing::Erased => "erased",
    }
}

fn describe(shown: &ContactView) -> String {
    let row = &shown.participant;
    let mut lines = vec![
        format!("{} ({})", row.id, standing(row.standing)),
        format!("study: {}", row.study),
        format!("permits: {}", names(&row.permissions)),
        format!("consent: version {}", row.consent),
    ];
    lines.extend(row.notice.map(|notice| format!("notice: version {notice}")));
    lines.extend(
        row.group
            .iter()
            .map(|group| format!("group: {}", group.as_str())),
    );
    lines.extend(row.source.map(|source| format!("came: {source}")));
    lines.extend(
        shown
            .name
            .iter()
            .map(|name| format!("name: {}", name.as_str())),
    );
    lines.extend(
        shown
            .email
            .iter()
            .map(|email| format!("e-mail: {}", email.as_str())),
    );
    let fields = shown.fields.iter();
    lines.extend(fields.map(|(name, value)| format!("{}: {}", name.as_str(), value.as_str())));
    lines.join("\n")
}

fn what_follows(answer: &ConsentAnswer) -> String {
    let mut lines = vec![format!("Recorded as version {}.", answer.version)];
    if let Some(erasure) = answer.erasure {
        lines.push(format!(
            "Nobody opens {} any more; it waits to be destroyed as {erasure}.",
            counted(&answer.frozen)
        ));
        if !answer.kept.is_empty() {
            lines.push(format!(
                "{} stays: of kinds they still permit, transcripts of what goes included.",
                counted(&answer.kept)
            ));
        }
        lines.push(format!(
            "Next, by somebody else of information governance: `strongroom erasure approve {erasure}`."
        ));
    }
    lines.join("\n")
}

/// `2 audio, 1 notes`.
pub(super) fn counted(counts: &BTreeMap<Kind, u64>) -> String {
    let counts: Vec<_> = counts
        .iter()
        .map(|(kind, count)| format!("{count} {kind}"))
        .collect();
    counts.join(", ")
}

/// `NAME=VALUE`, or `NAME=` for none.
fn parse_field(text: &str) -> Result<(Text, Option<Text>), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or("a field is written NAME=VALUE")?;
    let name = name.trim().parse().map_err(|error| format!("{error}"))?;
    match value.trim() {
        "" => Ok((name, None)),
        value => {
            let value = value.parse().map_err(|error| format!("{error}"))?;
            Ok((name, Some(value)))
        }
    }
}

fn once_each(fields: Vec<(Text, Option<Text>)>) -> Result<BTreeMap<Text, Option<Text>>, Failure> {
    let mut all = BTreeMap::new();
    for (name, value) in fields {
        if all.contains_key(&name) {
            return Err(Failure::usage(format!(
                "the field {:?} is given twice; give it once",
                name.as_str()
            )));
        }
        all.insert(name, value);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_have_a_name_and_perhaps_a_value() {
        let text = |text: &str| text.parse::<Text>().expect("a text");
        assert_eq!(
            parse_field("age band=35-44"),
            Ok((text("age band"), Some(text("35-44"))))
        );
        assert_eq!(parse_field("a=b=c"), Ok((text("a"), Some(text("b=c")))));
        assert_eq!(parse_field("age band="), Ok((text("age band"), None)));
        assert!(parse_field("age band").is_err() && parse_field("=x").is_err());
    }
}
