//! A certificate in plain English, for people who do not know the program: on the terminal, and as a
//! PDF for the file.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::elsewhere::items;
use super::{Certificate, Irrecoverable, Statement};
use crate::clock::in_london;
use crate::model::{Actor, Cause, Scope, SlotKind, Withdrawal};
use crate::pdf::{Block, pdf, plain};

const TITLE: &str = "Certificate of erasure";

impl Certificate {
    /// As text: what it says, what it proves and what it does not.
    pub fn text(&self) -> String {
        plain(TITLE, &self.blocks())
    }

    /// As a PDF for the file, with the signed certificate and its key attached.
    pub fn pdf(&self, note: &str, verifier_key: &str) -> Vec<u8> {
        let key = format!("{}\n", verifier_key.trim_end());
        let attached: [(&str, &[u8]); 2] = [
            ("certificate.txt", note.as_bytes()),
            ("key.txt", key.as_bytes()),
        ];
        let mut blocks = self.blocks();
        blocks.push(heading("How to check it"));
        blocks.push(paragraph("This page can be forged; the certificate attached to it cannot. Save both attached files, make sure that the key is the one the vault's organisation publishes, and run\nstrongroom certificate verify certificate.txt --key key.txt\nIt needs no connection to anybody."));
        pdf(TITLE, &blocks, &attached)
    }

    fn blocks(&self) -> Vec<Block> {
        let mut blocks = self.statement.blocks();
        blocks.push(heading("The log"));
        blocks.push(Block::Paragraph(format!(
            "Record {} of the vault's log commits it to exactly this statement. The log had {} records when this was signed, and their Merkle root is {}. Whoever keeps that line can ask the vault at any later time to prove that its log still has the record.",
            self.record + 1,
            self.log.size,
            self.log
        )));
        blocks.push(heading("What this proves"));
        blocks.extend(self.statement.proves());
        blocks.push(heading("What this does not prove"));
        blocks.extend(self.statement.does_not_prove());
        blocks
    }
}

impl Statement {
    /// As text, of a certificate that nobody has verified.
    pub fn text(&self) -> String {
        plain(TITLE, &self.blocks())
    }

    fn blocks(&self) -> Vec<Block> {
        let mut facts = vec![
            fact("Reference", &self.erasure),
            fact("Vault", &self.vault),
            fact("Study", &self.study),
        ];
        if let Cause::Withdrawal(Withdrawal { participant, .. }) = &self.cause {
            facts.push(fact("Participant, known as", participant));
        }
        facts.push(fact("Nothing opens since", &moment(self.inaccessible)));
        facts.push(fact("Gone everywhere", &self.gone_everywhere()));
        let mut blocks = vec![Block::Facts(facts), heading("What was destroyed")];
        blocks.extend(self.what());
        blocks.push(Block::Facts(self.counts()));
        blocks.push(heading("How"));
        blocks.push(Block::Paragraph(sentence(&self.method)));
        for slot in &self.slots {
            blocks.push(Block::Paragraph(format!(
                "The old root lay in {}. Its confirmation: {slot}.",
                slot.effaced.kind().explained()
            )));
        }
        blocks.push(Block::Paragraph(format!(
            "Afterwards it was tried whether anything was left: {} keys were looked for and none was there, {} were tried and none opened, {} objects were looked for in the store and none was there.",
            self.verified.keys_absent,
            items(self.verified.items_do_not_open),
            self.verified.objects_absent
        )));
        blocks.push(heading("On whose word"));
        blocks.push(Block::Facts(self.words_of()));
        blocks.push(heading("What lies elsewhere"));
        blocks.extend(self.elsewhere());
        blocks
    }

    fn what(&self) -> Vec<Block> {
        match &self.cause {
            Cause::Withdrawal(Withdrawal {
                participant, scope, ..
            }) => {
                let what = match scope {
                    Scope::Everything => "Everything that was recorded".to_owned(),
                    Scope::ContactOnly => "The contact details".to_owned(),
                    Scope::Kinds(kinds) => {
                        let kinds: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
                        format!("The material of kind {}", kinds.join(", "))
                    }
                };
                vec![Block::Paragraph(format!(
                    "{what} of participant {participant}, at their wish."
                ))]
            }
            Cause::Retention(retention) => {
                let mut told = vec![Block::Paragraph(format!(
                    "What was due to be destroyed by {}: {}, everything of {} participants, the contact details of {}{}.",
                    retention.due,
                    items(self.objects_deleted.len() as u64),
                    self.participants.len(),
                    self.contacts.len(),
                    match self.study_ended {
                        true => ", and everything anonymised of the study",
                        false => "",
                    }
                ))];
                let rules = retention.rules.iter();
                told.extend(rules.map(|rule| Block::Paragraph(format!("Rule: {rule}"))));
                told
            }
        }
    }

    fn counts(&self) -> Vec<(String, String)> {
        let sum = |of: fn(&crate::model::erasure::DeletedObject) -> u64| {
            self.objects_deleted.iter().map(of).sum::<u64>().to_string()
        };
        vec![
            fact("Keys destroyed", &self.keys_destroyed.len()),
            fact(
                "Epochs of the root",
                &format!("{} ended, {} began", self.epoch_before, self.epoch_after),
            ),
            fact("Items that no longer open", &self.objects_deleted.len()),
            fact("Versions deleted", &sum(|gone| gone.versions)),
            fact("Delete markers removed", &sum(|gone| gone.delete_markers)),
            fact(
                "Unfinished uploads aborted",
                &sum(|gone| gone.unfinished_uploads),
            ),
        ]
    }

    fn words_of(&self) -> Vec<(String, String)> {
        let (by, at) = &self.requested;
        let mut facts = vec![match by {
            Actor::Person(person) => fact("Recorded by", &format!("{person}, {}", moment(*at))),
            _ => fact("Begun", &format!("by the study's rule, {}", moment(*at))),
        }];
        for (person, at) in &self.approved {
            facts.push(fact("Approved by", &format!("{person}, {}", moment(*at))));
        }
        facts.push(fact(
            "Certified by",
            &format!("{}, {}", self.program, moment(self.certified)),
        ));
        facts
    }

    fn gone_everywhere(&self) -> String {
        match &self.irrecoverable {
            Irrecoverable::On(day) => format!("by the end of {}", day.strftime("%-d %B %Y")),
            Irrecoverable::WaitingFor(_) => "not yet; what it waits for stands below".to_owned(),
        }
    }

    fn elsewhere(&self) -> Vec<Block> {
        let mut told = Vec::new();
        if let Some(days) = self.elsewhere.backups_kept_days {
            told.push(format!(
                "Backups are kept for {days} days, as whoever runs the vault declared. Until then what lies in them is there and cannot be opened."
            ));
        }
        for copies in &self.elsewhere.suppliers {
            if let Some(at) = copies.confirmed {
                told.push(format!(
                    "Supplier {} fetched {}, and confirmed on {} that its copies are destroyed.",
                    copies.supplier,
                    items(copies.items),
                    moment(at)
                ));
            }
        }
        match &self.irrecoverable {
            Irrecoverable::On(_) => told.push(format!(
                "The last of it is gone everywhere {}.",
                self.gone_everywhere()
            )),
            Irrecoverable::WaitingFor(waiting) => told.extend(
                waiting
                    .iter()
                    .map(|what| format!("Not yet gone everywhere: waiting for {what}.")),
            ),
        }
        told.into_iter().map(Block::Paragraph).collect()
    }

    fn proves(&self) -> Vec<Block> {
        vec![
            paragraph(
                "The vault whose key this was checked with says all of the above, and not a byte of it was changed since. It cannot take it back: the statement is in its log.",
            ),
            Block::Paragraph(format!(
                "If the program did what it says, then since {} nothing that the vault, its backups, its bucket or its logs hold opens what was destroyed, not even with every key and password that is left. The keys are gone, and what is stored without them is noise.",
                moment(self.inaccessible)
            )),
        ]
    }

    fn does_not_prove(&self) -> Vec<Block> {
        let kinds: BTreeSet<SlotKind> = self.slots.iter().map(|s| s.effaced.kind()).collect();
        let mut told: Vec<String> = kinds
            .into_iter()
            .map(|kind| format!("What hardware keeps: {}.", kind.remains()))
            .collect();
        told.push("What people keep: whoever fetched a copy while it was permitted has it until they destroy it. Their word is above, where they gave it; what the law required to be handed on, and what the participant was given, is not counted here.".to_owned());
        told.push("What an operator could have done: a signature shows what the program said, not that the machine it ran on was honest. Whoever copied a root slot or the memory of the machine before the erasure, against the rules of custody, could still open what was destroyed.".to_owned());
        told.push("Who the participant is: the certificate knows people by identifiers that mean nothing elsewhere.".to_owned());
        told.into_iter().map(Block::Paragraph).collect()
    }
}

fn fact(label: &str, value: &impl ToString) -> (String, String) {
    (label.to_owned(), value.to_string())
}

fn heading(text: &str) -> Block {
    Block::Heading(text.to_owned())
}

fn paragraph(text: &str) -> Block {
    Block::Paragraph(text.to_owned())
}

/// With a capital, and a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    let rest = first.into_iter().chain(letters);
    format!("{}.", rest.collect::<String>())
}

fn moment(at: Timestamp) -> String {
    let shown = in_london(at).strftime("%-d %B %Y, %H:%M:%S in London");
    shown.to_string()
}
