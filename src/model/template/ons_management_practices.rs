//! "The Office for National Statistics (ONS) - Privacy notice" for the management practices research
//! that NatCen carries out, 2024.

use super::Notice;
use crate::model::study::Category::Ordinary;
use crate::model::study::{LawfulBasis, Regions};

pub(super) const NOTICE: Notice = Notice {
    // "the Office for National Statistics (ONS) are the data controllers. The National Centre for
    // Social Research (NatCen) is the data processor for the research."
    controller: "Office for National Statistics",
    processors: &["National Centre for Social Research"],
    // "we need it to perform a ‘public task’"
    lawful_basis: LawfulBasis::PublicTask,
    // "your personal data (names, email address, contact information)"
    fields: &[(
        "telephone number",
        "to invite somebody and to arrange the session",
        Ordinary,
    )],
    groups: &[],
    requires: &[],
    regions: Regions::Uk,
    // "this will only be possible before 2nd September 2024. However, once the data has been analysed,
    // made anonymous or the report has been published, we will not be able to": the day itself is given
    // to whoever read it otherwise.
    withdraw_within: "until 2024-09-02, or when analysis begins",
    // "All data stored by NatCen will be deleted once the report has been published. This will be
    // within 3 months from end of data collection period."
    retain: "everything: earliest of (publication, 3m after collection-ends)",
    answer_within: "month",
    // "an anonymised transcript 10 days after the session to allow the transcription to be ready"
    transcript_after: Some("10d"),
    // Section "Who do I contact"
    team_contact: Some("MPATI@natcen.ac.uk"),
    dpo_contact: "Data Protection Officer, NatCen Social Research, Kings House, 101-135 Kings Rd, Brentwood CM14 4LX; dpo@natcen.ac.uk",
};
