//! "Data First: Privacy and data protection", Ministry of Justice, version 2.0, April 2021.

use super::Notice;
use crate::model::study::Category::{Criminal, Ordinary, Special};
use crate::model::study::{LawfulBasis, Regions, Requirement};

/// Section "Linking data": "Data relating to the same person is linked by using identifying
/// information, such as names, date of birth and addresses".
const LINK: &str = "to link records of the same person; deleted once they are linked";
/// Section "Considering risks and sensitivities": "Personal descriptors such as sex or gender,
/// ethnicity or age".
const DESCRIBE: &str = "to compare the experience of groups of people";

pub(super) const NOTICE: Notice = Notice {
    controller: "Ministry of Justice",
    // "Currently, data is shared with one accredited processor: the ONS SRS."
    processors: &["Office for National Statistics Secure Research Service"],
    // "MoJ is permitted to process data […] by virtue of its common law powers for the administration
    // of justice"; the Digital Economy Act 2017 "is the legal basis for the project".
    lawful_basis: LawfulBasis::PublicTask,
    // "Researchers will need to justify why they require the use of each specified field"; "For more
    // sensitive data, greater justification is needed."
    fields: &[
        ("date of birth", LINK, Ordinary),
        ("address", LINK, Ordinary),
        ("sex or gender", DESCRIBE, Ordinary),
        ("age", DESCRIBE, Ordinary),
        ("ethnicity", DESCRIBE, Special),
        (
            "offence category",
            "to follow journeys through the justice system",
            Criminal,
        ),
    ],
    groups: &[],
    // "Trained and accredited researchers"; "must be approved by data owners via data access panels";
    // "Each dataset shared between the MoJ and ONS will be subject to a DSA and DPIA."
    requires: &[
        Requirement::Training,
        Requirement::Accreditation,
        Requirement::Approval,
        Requirement::Dpia,
        Requirement::DataSharing,
    ],
    // "stored in a setting that is compliant with the HMG Security Policy Framework"
    regions: Regions::Uk,
    // The notice sets no last day: whoever asks is answered as long as anything of them is kept.
    withdraw_within: "100y after session",
    // "Data is only kept as long as necessary and is then securely deleted"; identifiers are "deleted
    // immediately following linking".
    retain: "contact: linked; everything: completion",
    // Left to the law: "MoJ's personal information charter".
    answer_within: "month",
    transcript_after: None,
    // Section "Contact us".
    team_contact: Some("datafirst@justice.gov.uk"),
    dpo_contact: "the Ministry of Justice's personal information charter; datafirst@justice.gov.uk",
};
