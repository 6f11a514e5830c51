//! Suppliers and what is assigned to them.

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use crate::id::{AssignmentId, ItemId, PersonId, StudyId, SupplierId};
use crate::model::purpose::Purpose;
use crate::model::text::Text;
use crate::model::word::words;

/// A transcription supplier on the approved list (R29).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Supplier {
    /// Which.
    pub id: SupplierId,
    /// What it is called.
    pub name: Text,
    /// The day its contract was signed, or last refreshed.
    pub contract_signed: Date,
    /// Whether it is on the approved list.
    pub approved: bool,
    /// Whether it is an automatic tool rather than people (R30).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub automatic: bool,
    /// The controllers it may work for; none means all of them (R50).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub controllers: BTreeSet<Text>,
}

impl Supplier {
    /// People on the approved list, under a contract signed that day.
    pub fn approved(id: SupplierId, name: Text, contract_signed: Date) -> Self {
        Self {
            id,
            name,
            contract_signed,
            approved: true,
            automatic: false,
            controllers: BTreeSet::new(),
        }
    }

    /// Whether it may work for `controller`.
    pub fn works_for(&self, controller: &Text) -> bool {
        self.controllers.is_empty() || self.controllers.contains(controller)
    }

    /// How it stands towards `controller`: one that may not work for it is not on its list.
    pub fn towards(mut self, controller: &Text) -> Self {
        self.approved &= self.works_for(controller);
        self
    }

    /// The last day of the contract: twelve months after it was signed, less a day (R29).
    pub fn contract_ends(&self) -> Date {
        self.contract_signed
            .saturating_add(1.year())
            .saturating_sub(1.day())
    }

    /// Whether it is approved and under contract on `day`.
    pub fn is_in_force(&self, day: Date) -> bool {
        self.approved && self.contract_signed <= day && day <= self.contract_ends()
    }
}

/// One item given to one supplier, for a purpose, until a date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// Which.
    pub id: AssignmentId,
    /// What is given.
    pub item: ItemId,
    /// The study it comes from.
    pub study: StudyId,
    /// To whom.
    pub supplier: SupplierId,
    /// What for (R31).
    #[serde(default = "transcription")]
    pub purpose: Purpose,
    /// The last day of access.
    pub until: Date,
    /// Whether it was ended before that day.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ended: bool,
    /// What the supplier brought last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submitted: Option<ItemId>,
    /// What the team said to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Acceptance>,
    /// Who confirmed for the supplier that its copies are destroyed, and when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copies_destroyed: Option<(PersonId, Timestamp)>,
}

fn transcription() -> Purpose {
    Purpose::Transcription
}

impl Assignment {
    /// Whether it gives access on `day`. A supplier whose copies are destroyed is done with it.
    pub fn is_in_force(&self, day: Date) -> bool {
        !self.is_over() && day <= self.until
    }

    /// Whether it was ended before its day, or its supplier is done with it.
    pub fn is_over(&self) -> bool {
        self.ended || self.copies_destroyed.is_some()
    }
}

impl Assignment {
    /// An assignment that has just been made.
    pub fn of(
        id: AssignmentId,
        (item, study): (ItemId, StudyId),
        supplier: SupplierId,
        purpose: Purpose,
        until: Date,
    ) -> Self {
        Self {
            id,
            item,
            study,
            supplier,
            purpose,
            until,
            ended: false,
            submitted: None,
            answer: None,
            copies_destroyed: None,
        }
    }
}

/// What the team said to what a supplier brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Acceptance {
    /// It is accepted; the assignment is over.
    Accepted(Date),
    /// It is to be brought again.
    SentBack(Shortcoming),
}

words! {
    /// Why a transcript is sent back. Words of one's own could name somebody.
    Shortcoming, or UnknownShortcoming as "a reason to send a transcript back" {
        /// Something is missing.
        Incomplete = "incomplete",
        /// It is not what was said.
        Inaccurate = "inaccurate",
        /// It belongs to another recording.
        WrongFile = "wrong-file",
        /// It is not in the form agreed.
        WrongFormat = "wrong-format",
        /// It has names or places that were to be left out.
        Identifying = "identifying-details",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;
    use jiff::civil::date;

    #[test]
    fn r50_a_supplier_of_one_controller_is_on_no_other_list() {
        let id = SupplierId::random(&SystemEntropy::new()).expect("entropy");
        let text = |text: &str| text.parse::<Text>().expect("a name");
        let (one, other) = (text("Ministry of Justice"), text("Home Office"));
        let everybodys = Supplier::approved(id, text("McGowan"), date(2025, 3, 1));
        let theirs = Supplier {
            controllers: BTreeSet::from([one.clone()]),
            ..everybodys.clone()
        };
        let today = date(2025, 6, 1);
        for (supplier, controller, on_the_list) in [
            (&everybodys, &one, true),
            (&everybodys, &other, true),
            (&theirs, &one, true),
            (&theirs, &other, false),
        ] {
            let towards = supplier.clone().towards(controller);
            assert_eq!(towards.is_in_force(today), on_the_list, "{controller}");
        }
    }

    #[test]
    fn r29_a_contract_lasts_twelve_months() {
        let id = SupplierId::random(&SystemEntropy::new()).expect("entropy");
        let name = "McGowan Transcriptions".parse().expect("a name");
        let supplier = Supplier::approved(id, name, date(2025, 3, 1));
        assert!(!supplier.is_in_force(date(2025, 2, 28)));
        assert!(supplier.is_in_force(date(2026, 2, 28)));
        assert!(!supplier.is_in_force(date(2026, 3, 1)));
    }
}
