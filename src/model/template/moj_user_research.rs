//! "Ministry of Justice Digital and Technology: privacy notice for user research participants",
//! published 22 July 2025.

use super::Notice;
use crate::model::study::Category::{Ordinary, Special};
use crate::model::study::{LawfulBasis, Regions};

/// Section "We use your personal data to": "ensure we’re including a wide range of people".
const RANGE: &str = "to make sure that a wide range of people is included";
/// The same: "decide if a research study is relevant to you".
const RELEVANT: &str = "to decide whether a study is relevant to somebody";
/// The same: "arrange/schedule the research with you".
const ARRANGE: &str = "to invite somebody and to arrange the session";

pub(super) const NOTICE: Notice = Notice {
    controller: "Ministry of Justice",
    processors: &[],
    // "the lawful basis we rely on for processing this information is our legitimate interest in
    // understanding the users of MOJ services"
    lawful_basis: LawfulBasis::LegitimateInterests,
    // Section "The type of personal information we collect"; name and e-mail address have places of
    // their own.
    fields: &[
        ("telephone number", ARRANGE, Ordinary),
        ("job title", RELEVANT, Ordinary),
        ("employment details", RELEVANT, Ordinary),
        ("location", ARRANGE, Ordinary),
        ("disability or access needs", ARRANGE, Special),
        ("gender", RANGE, Ordinary),
        ("age", RANGE, Ordinary),
        ("racial or ethnic origin", RANGE, Special),
        ("sexual orientation", RANGE, Special),
        ("family and social circumstances", RELEVANT, Ordinary),
        ("financial information", RELEVANT, Ordinary),
        ("nationality and immigration", RELEVANT, Ordinary),
    ],
    groups: &[],
    requires: &[],
    regions: Regions::Uk,
    // "enable you to request your information, withdraw from the research and manage your
    // permissions": as long as anything is kept.
    withdraw_within: "2y after session",
    // "Your information will be kept for up to 2 years before being deleted"
    retain: "everything: 2y after session",
    // "we have one month to respond to you"
    answer_within: "month",
    transcript_after: None,
    team_contact: None,
    // Section "How to complain".
    dpo_contact: "Data Protection Officer, Ministry of Justice, 5th Floor, Post Point 5.18, 102 Petty France, London SW1H 9AJ; dpo@justice.gov.uk",
};
