//! The letter that answers a withdrawal: in plain words, by pseudonym, as text and as PDF.

use std::fmt::Write as _;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

use super::assess::{self, Assessment};
use super::erase;
use super::error::WorkError;
use super::service::Service;
use crate::access::Grant;
use crate::access::acts::ReadErasure;
use crate::clock::{in_london, london_day};
use crate::index::tables;
use crate::model::erasure::LateReason;
use crate::model::study::ICO;
use crate::model::{Erasure, ErasureStage, Kind, Scope, Study, Withdrawal};
use crate::pdf::{Block, pdf, plain};

/// A letter to a participant. It names nobody: whoever sends it puts the name on the envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    title: String,
    blocks: Vec<Block>,
    /// The signed certificate, once there is one, and the key it is verified with.
    enclosed: Option<(String, String)>,
}

impl Letter {
    /// As a PDF, with the certificate and its key attached to it as files.
    pub fn pdf(&self) -> Vec<u8> {
        let attached = self.enclosed.as_ref().map(|(certificate, key)| {
            [
                ("certificate.txt", certificate.as_bytes()),
                ("key.txt", key.as_bytes()),
            ]
        });
        pdf(
            &self.title,
            &self.blocks,
            attached.as_ref().map_or(&[], |files| files),
        )
    }

    /// As plain text, the certificate at its end.
    pub fn text(&self) -> String {
        let mut text = plain(&self.title, &self.blocks);
        if let Some((certificate, key)) = &self.enclosed {
            // Writing to a string does not fail.
            let _ = write!(
                text,
                "The key\n\n{}\n\nThe certificate\n\n{certificate}",
                key.trim_end()
            );
        }
        text
    }
}

/// The letter about a withdrawal, as things stand (R12, R19, R20).
///
/// # Errors
/// [`WorkError::Conflict`] for an erasure that no participant asked for.
pub async fn letter(
    service: &Arc<Service>,
    grant: Grant<ReadErasure>,
) -> Result<Letter, WorkError> {
    let mut erasure = grant.into_loaded();
    erasure.certificate = erase::up_to_date(service, erasure.clone()).await?;
    let Some(withdrawal) = erasure.withdrawal().cloned() else {
        return Err(WorkError::Conflict(
            "nobody asked for that erasure: it was due by the study's rule, and there is nobody to write to"
                .to_owned(),
        ));
    };
    let study = {
        let view = service.vault().view()?;
        let study = view.reader().get(&tables::STUDIES, &erasure.study)?;
        study.ok_or(WorkError::NoSuchThing)?
    };
    let writing = Writing {
        assessment: assess::assess(service, &erasure).await?,
        today: service.today(),
        key: service.vault().signer().verifier_key(),
        erasure,
        withdrawal,
        study,
    };
    Ok(writing.letter())
}

struct Writing {
    erasure: Erasure,
    withdrawal: Withdrawal,
    study: Study,
    assessment: Assessment,
    today: Date,
    key: String,
}

impl Writing {
    fn letter(self) -> Letter {
        let title = match self.withdrawal.scope {
            Scope::Everything => "Your withdrawal from the study",
            Scope::ContactOnly => "Your contact details",
            Scope::Kinds(_) => "What you no longer permit",
        };
        let mut blocks = self.opening();
        match self.erasure.stage {
            ErasureStage::Refused => self.refused(&mut blocks),
            stage if stage >= ErasureStage::Inaccessible => self.done(&mut blocks),
            _ => self.to_come(&mut blocks),
        }
        if self.erasure.stage != ErasureStage::Refused {
            self.stays(&mut blocks);
        }
        if self.erasure.certificate.is_some() {
            blocks.push(heading("The certificate"));
            blocks.push(paragraph("Enclosed are a certificate, signed by the system that destroyed the keys, and the key it is checked with. Anybody can check that no letter of it was changed: save each as a file, the certificate from its first line to its last, and run\nstrongroom certificate verify certificate.txt --key key.txt\nThe program is free, and needs no connection to us for it."));
        }
        self.contacts(&mut blocks);
        let certificate = self.erasure.certificate;
        Letter {
            title: title.to_owned(),
            blocks,
            enclosed: certificate.map(|certificate| (certificate, format!("{}\n", self.key))),
        }
    }

    fn opening(&self) -> Vec<Block> {
        let told = london_day(self.erasure.requested_at);
        let mut facts = vec![
            ("Study".to_owned(), self.study.name.as_str().to_owned()),
            (
                "Organisation".to_owned(),
                self.study.controller.as_str().to_owned(),
            ),
            (
                "We know you as".to_owned(),
                self.withdrawal.participant.to_string(),
            ),
            ("Our reference".to_owned(), self.erasure.id.to_string()),
            ("You told us on".to_owned(), day(told)),
            ("This letter is of".to_owned(), day(self.today)),
        ];
        if let Some((at, _)) = &self.erasure.old_root_effaced {
            facts.push(("Nothing opens since".to_owned(), moment(*at)));
        }
        let asked = match &self.withdrawal.scope {
            Scope::Everything => {
                "You told us that you withdraw from the study. You did not have to give a reason, and we kept none."
            }
            Scope::ContactOnly => {
                "You asked us to destroy your contact details. You did not have to give a reason, and we kept none. What you said in the study is not touched by this."
            }
            Scope::Kinds(_) => {
                "You told us that you no longer permit some of what you permitted before. You did not have to give a reason, and we kept none."
            }
        };
        vec![Block::Facts(facts), paragraph(asked)]
    }

    fn to_come(&self, blocks: &mut Vec<Block>) {
        blocks.push(heading("What happens now"));
        let reached = self.reached();
        if self.withdrawal.scope == Scope::ContactOnly {
            blocks.push(paragraph("Your name, your e-mail address and whatever else we hold to reach you will be destroyed. A second person in our organisation approves it first, because it cannot be undone."));
            return;
        }
        if self.assessment.items.is_empty() {
            blocks.push(paragraph("We hold no recordings or other material of you. What we hold to reach you, and the record of what you permitted, will go."));
        } else {
            blocks.push(paragraph(
                "From the moment you told us, nobody can open the following. It will be destroyed:",
            ));
            blocks.push(Block::Facts(reached));
        }
        blocks.push(match self.erasure.stage {
            ErasureStage::Requested => paragraph("A second person in our organisation approves the destruction first, because it cannot be undone. We write to you again when it is done, within one month of your telling us."),
            _ => paragraph("The destruction is approved. We write to you again when it is done, within one month of your telling us."),
        });
        if let Some(last) = self.erasure.held_until
            && !self.assessment.waits_for.is_empty()
        {
            blocks.push(Block::Paragraph(format!(
                "You took part together with other people. Until {} we make versions that you are not in, for those who stay. Nobody but the person who leads the study can open the originals for that, and every opening is recorded. When the versions are made, and on the day after {} at the latest, the originals are destroyed.",
                day(last),
                day(last)
            )));
        }
    }

    fn done(&self, blocks: &mut Vec<Block>) {
        blocks.push(heading("What was destroyed"));
        let at = self.erasure.old_root_effaced.as_ref().map(|(at, _)| *at);
        let since = at.map(moment).unwrap_or_default();
        match self.withdrawal.scope {
            Scope::ContactOnly => blocks.push(Block::Paragraph(format!(
                "What we held to reach you was destroyed. Since {since} nobody can read it, ourselves included. We now hold no name and no address of you."
            ))),
            _ => {
                blocks.push(Block::Paragraph(format!(
                    "The keys to the following were destroyed. Since {since} nobody can open it, ourselves included, not even from an older backup."
                )));
                blocks.push(Block::Facts(self.reached()));
                blocks.push(match self.withdrawal.scope {
                    Scope::Everything => paragraph("If you ask us now what we hold about you, the answer is: nothing, but for what this letter says and the record that it was destroyed, which knows you only as above."),
                    _ => paragraph("What you still permit stays as it was."),
                });
            }
        }
        blocks.push(match self.erasure.stage >= ErasureStage::CiphertextDeleted {
            true => paragraph("What was stored, which nobody could read any more, was deleted from the storage as well."),
            false => paragraph("What is left in the storage, which nobody can read any more, is being deleted from there as well."),
        });
    }

    fn reached(&self) -> Vec<(String, String)> {
        let mut facts: Vec<_> = self
            .assessment
            .items
            .iter()
            .map(|(kind, count)| (label(*kind).to_owned(), count.to_string()))
            .collect();
        if self.assessment.contact {
            facts.push((
                "What names you".to_owned(),
                "your name, your e-mail address and other details, as far as we had them"
                    .to_owned(),
            ));
        }
        facts
    }

    fn stays(&self, blocks: &mut Vec<Block>) {
        let assessment = &self.assessment;
        let mut reasons = Vec::new();
        if assessment.anonymised > 0 {
            reasons.push("Findings that were made anonymous before you told us stay as they are. Nothing in them, and nothing we keep, says whose words they came from, so that yours can no longer be found among them.".to_owned());
        }
        if assessment.redacted > 0 {
            reasons.push(format!(
                "{} of what you and others were in together stay in versions that you are not in.",
                assessment.redacted
            ));
        }
        for copies in &assessment.suppliers {
            let what = match copies.items {
                1 => "one of these".to_owned(),
                items => format!("{items} of these"),
            };
            reasons.push(match copies.confirmed {
                Some(at) => format!(
                    "A supplier that works for us had {what}. It confirmed on {} that its copies are destroyed.",
                    day(london_day(at))
                ),
                None => format!(
                    "A supplier that works for us has had {what}. It can fetch nothing more, must destroy its copies, and has yet to confirm that it did."
                ),
            });
        }
        if assessment.sealed_copies > 0 {
            reasons.push(format!(
                "Encrypted copies were handed to people who worked with them ({}). They are told to destroy them; we cannot see that they did.",
                assessment.sealed_copies
            ));
        }
        if !reasons.is_empty() {
            blocks.push(heading("What cannot be removed, and why"));
            blocks.extend(reasons.into_iter().map(Block::Paragraph));
        }
    }

    fn refused(&self, blocks: &mut Vec<Block>) {
        blocks.push(heading("Why it is not destroyed"));
        let Some(refused) = &self.erasure.refused else {
            return;
        };
        let why = match refused.reason {
            LateReason::Analysed => {
                "what you said is part of an analysis that can no longer be taken apart"
            }
            LateReason::Anonymised => "what you said no longer shows that you said it",
            LateReason::Published => "the findings are published",
            LateReason::LegalDuty => "the law requires us to keep it",
        };
        blocks.push(Block::Paragraph(format!(
            "Your withdrawal came after the last day we told you of when you took part ({}). On {} we decided that it comes too late: {why}. Nothing was destroyed, and what you said is used as you were told.",
            self.study.withdraw_within,
            day(london_day(refused.at))
        )));
        blocks.push(paragraph("You can still have your contact details destroyed or corrected, ask what we hold about you, and object. If you think that this decision is wrong, please write to the data protection officer, or complain to the Information Commissioner."));
    }

    fn contacts(&self, blocks: &mut Vec<Block>) {
        blocks.push(heading("Whom to write to"));
        let contacts = &self.study.contacts;
        let team = contacts.team.as_ref().map_or_else(
            || self.study.controller.as_str().to_owned(),
            |team| team.as_str().to_owned(),
        );
        let mut facts = vec![("The research team".to_owned(), team)];
        if let Some(dpo) = &contacts.dpo {
            facts.push((
                "Data protection officer".to_owned(),
                dpo.as_str().to_owned(),
            ));
        }
        facts.push(("Information Commissioner".to_owned(), ICO.to_owned()));
        blocks.push(Block::Facts(facts));
    }
}

fn heading(text: &str) -> Block {
    Block::Heading(text.to_owned())
}

fn paragraph(text: &str) -> Block {
    Block::Paragraph(text.to_owned())
}

/// What a kind of material is called in a letter.
fn label(kind: Kind) -> &'static str {
    match kind {
        Kind::Audio => "Sound recordings",
        Kind::Video => "Films",
        Kind::Screen => "Recordings of a screen",
        Kind::Photo => "Photographs",
        Kind::Notes => "Written notes",
        Kind::Transcript => "Transcripts",
        Kind::Survey => "Answers to surveys",
    }
}

fn day(day: Date) -> String {
    day.strftime("%-d %B %Y").to_string()
}

fn moment(at: Timestamp) -> String {
    in_london(at).strftime("%-d %B %Y, %H:%M").to_string()
}
