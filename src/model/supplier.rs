//! Suppliers and what is assigned to them.

use jiff::ToSpan;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::id::{AssignmentId, ItemId, StudyId, SupplierId};
use crate::model::text::Text;

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
}

impl Supplier {
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

/// One item given to one supplier, until a date.
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
    /// The last day of access.
    pub until: Date,
    /// Whether it was ended before that day.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ended: bool,
}

impl Assignment {
    /// Whether it gives access on `day`.
    pub fn is_in_force(&self, day: Date) -> bool {
        !self.ended && day <= self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;
    use jiff::civil::date;

    #[test]
    fn r29_a_contract_lasts_twelve_months() {
        let supplier = Supplier {
            id: SupplierId::random(&SystemEntropy::new()).expect("entropy"),
            name: "McGowan Transcriptions".parse().expect("a name"),
            contract_signed: date(2025, 3, 1),
            approved: true,
        };
        assert!(!supplier.is_in_force(date(2025, 2, 28)));
        assert!(supplier.is_in_force(date(2026, 2, 28)));
        assert!(!supplier.is_in_force(date(2026, 3, 1)));
    }
}
