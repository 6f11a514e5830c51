//! "Research into Group-based Victim Support Interventions: Privacy notice", last updated 1 October
//! 2025.

use super::Notice;
use crate::model::study::Category::Ordinary;
use crate::model::study::{LawfulBasis, Regions};

pub(super) const NOTICE: Notice = Notice {
    // "The Ministry of Justice (MoJ) is the data controller of this information."
    controller: "Ministry of Justice",
    // "Working in partnership with WPI Economics, the National Centre for Social Research (NatCen) is
    // the data processor"
    processors: &["National Centre for Social Research", "WPI Economics"],
    // "the legal basis for processing is ‘public task’"
    lawful_basis: LawfulBasis::PublicTask,
    // "information about the interventions and participant contact details (with participant
    // permission)"
    fields: &[(
        "organisation",
        "to understand which interventions there are, and who delivers them",
        Ordinary,
    )],
    // "Survey responses from PCC representatives and service providers", "stakeholders involved in
    // commissioning, delivering or evaluating"; "Findings may be attributed to particular participant
    // groups (e.g. PCC participant)."
    groups: &["PCC participant", "service provider", "stakeholder"],
    requires: &[],
    // "stored securely in the UK […] Data will not be stored in overseas servers."
    regions: Regions::Uk,
    // "at any time up to 30 days after taking part, without the need to provide a reason"
    withdraw_within: "30d after session",
    // "Identifiable data will be stored by NatCen for twelve months after publication of the report
    // […] and then will be securely destroyed"; "All personal data will be securely deleted once the
    // project has been completed."
    retain: "identifiable: 12m after publication; de-identified: 12m after publication",
    // "Rights requests will be responded to without delay and within 30 days."
    answer_within: "30d",
    transcript_after: None,
    // Section "Can I change my mind during the study?"
    team_contact: Some("GroupInterventionsResearch@natcen.ac.uk"),
    // Section "Questions or concerns about personal data".
    dpo_contact: "Data Protection Team, Ministry of Justice, Post point 11.52, 11th floor tower, 102 Petty France, London SW1H 9AJ; DataProtection@justice.gov.uk",
};
