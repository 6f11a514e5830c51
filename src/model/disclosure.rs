//! Disclosure: what may have to be told to somebody outside, on grounds that are fixed (R38).
//!
//! What a participant said is not repeated here: a disclosure names the ground and the items, and
//! whoever decides reads those. The reason of a decision is sealed under the material keys of
//! everyone in the items, and goes with any of them; the decision itself stays on record.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::id::{DisclosureId, ItemId, PersonId, StudyId};
use crate::model::sealed::Sealed;
use crate::model::text::Text;
use crate::model::word::words;

/// A disclosure, raised by a study's lead and decided by its safeguarding lead (R37).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disclosure {
    /// Which.
    pub id: DisclosureId,
    /// The study.
    pub study: StudyId,
    /// Why it may have to be made.
    pub ground: Ground,
    /// What is needed, in identifier order, each once; nothing else is ever given.
    pub items: Vec<ItemId>,
    /// Who raised it.
    pub raised_by: PersonId,
    /// When.
    pub raised_at: Timestamp,
    /// What was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
}

/// What the safeguarding lead decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Who decided: not the one who raised it.
    pub by: PersonId,
    /// When.
    pub at: Timestamp,
    /// To whom it is made; nothing when it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted: Option<Permit>,
    /// Why, sealed under the material keys of everyone in the items; nothing when those are gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Sealed>,
}

/// To whom a disclosure is made, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permit {
    /// What the recipient is called, so that they can be asked to destroy their copy.
    pub recipient: Text,
    /// The age recipient that the copies are sealed to; there is no other way out.
    pub sealed_to: String,
    /// The last day.
    pub until: Date,
}

impl Disclosure {
    /// What it permits on `day`.
    pub fn in_force(&self, day: Date) -> Option<&Permit> {
        let permit = self.decision.as_ref()?.granted.as_ref()?;
        (day <= permit.until).then_some(permit)
    }

    /// The word for how it stands on `day`.
    pub fn standing(&self, day: Date) -> &'static str {
        match &self.decision {
            None => "raised",
            Some(decision) if decision.granted.is_none() => "refused",
            Some(_) if self.in_force(day).is_some() => "granted",
            Some(_) => "ended",
        }
    }
}

words! {
    /// Why something may have to be disclosed; the five grounds the notices give, and no other (R38).
    Ground, or UnknownGround as "a ground for disclosure" {
        /// Wrongdoing.
        Wrongdoing = "wrongdoing",
        /// A legal duty, or a court's order.
        LegalDuty = "legal-duty",
        /// The safeguarding of a child or a vulnerable adult.
        Safeguarding = "safeguarding",
        /// A risk of harm to the participant or to others.
        RiskOfHarm = "risk-of-harm",
        /// Fraud.
        Fraud = "fraud",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;
    use jiff::civil::date;

    #[test]
    fn r38_the_grounds_are_five_and_fixed() {
        assert_eq!(Ground::ALL.len(), 5);
        assert_eq!("Risk of harm".parse(), Ok(Ground::RiskOfHarm));
        let refused = "marketing".parse::<Ground>().expect_err("no ground");
        assert!(refused.to_string().contains("safeguarding"), "{refused}");
    }

    #[test]
    fn r37_nothing_is_permitted_before_a_decision_or_after_its_day() {
        let entropy = SystemEntropy::new();
        let mut disclosure = Disclosure {
            id: DisclosureId::random(&entropy).expect("entropy"),
            study: StudyId::random(&entropy).expect("entropy"),
            ground: Ground::Safeguarding,
            items: Vec::new(),
            raised_by: PersonId::random(&entropy).expect("entropy"),
            raised_at: Timestamp::UNIX_EPOCH,
            decision: None,
        };
        let day = date(2026, 6, 1);
        assert_eq!(disclosure.in_force(day), None);
        assert_eq!(disclosure.standing(day), "raised");
        let permit = Permit {
            recipient: "The local authority".parse().expect("a name"),
            sealed_to: "age1…".to_owned(),
            until: day,
        };
        let decision = Decision {
            by: PersonId::random(&entropy).expect("entropy"),
            at: Timestamp::UNIX_EPOCH,
            granted: Some(permit),
            reason: Some(Sealed::new(Vec::new())),
        };
        disclosure.decision = Some(decision.clone());
        assert!(disclosure.in_force(day).is_some());
        assert_eq!(disclosure.in_force(date(2026, 6, 2)), None);
        assert_eq!(disclosure.standing(date(2026, 6, 2)), "ended");
        disclosure.decision = Some(Decision {
            granted: None,
            ..decision
        });
        assert_eq!(disclosure.standing(day), "refused");
    }
}
