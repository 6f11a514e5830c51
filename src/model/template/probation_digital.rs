//! "Privacy policy for Probation Digital Services", Ministry of Justice, last reviewed 30 May 2025.

use super::Notice;
use crate::model::study::Category::Ordinary;
use crate::model::study::{LawfulBasis, Regions};

pub(super) const NOTICE: Notice = Notice {
    controller: "Ministry of Justice",
    // "Probation Digital Services is provided by Justice Digital, part of the Ministry of Justice."
    processors: &["Justice Digital"],
    // "The legal basis for processing personal data in relation to site security is our legitimate
    // interests, and the legitimate interests of our users"; all else rests on the person's contract.
    lawful_basis: LawfulBasis::LegitimateInterests,
    // Section "What data we collect"; name and e-mail address have places of their own, and passwords
    // none.
    fields: &[
        (
            "username",
            "to confirm that somebody may lawfully access and alter data",
            Ordinary,
        ),
        (
            "IP address and browser",
            "to identify threats to the security of the service",
            Ordinary,
        ),
        (
            "use of the service",
            "to make sure that the service meets the needs of its users",
            Ordinary,
        ),
    ],
    groups: &[],
    requires: &[],
    // "All personal data is stored in the European Economic Area (EEA)."
    regions: Regions::Eea,
    // "request that your personal data is erased if there is no longer a justification for it": no
    // last day.
    withdraw_within: "100y after session",
    // "We will only retain your personal data for as long as: it is needed for the purposes set out in
    // this document; the law requires us to"
    retain: "everything: completion",
    answer_within: "month",
    transcript_after: None,
    team_contact: None,
    // Section "Your rights".
    dpo_contact: "MoJ Data Protection Officer, 3rd Floor, Post Point 3.20, 10 South Colonnades, London E14 4PU; DataProtection@justice.gov.uk",
};
