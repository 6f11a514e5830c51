//! Whether a study's material may be stored where this vault stores it (R39).

use crate::model::study::Regions;
use crate::work::{Service, WorkError};

/// Whether the bucket, where it really is, is inside a study's regions.
pub(in crate::work) fn check(service: &Service, regions: Regions) -> Result<(), WorkError> {
    let location = &service.store().report().location;
    let in_uk = location.is_in_uk();
    if regions.allow(in_uk) {
        return Ok(());
    }
    let (here, instead, elsewhere) = match in_uk {
        true => ("the United Kingdom", Regions::Uk, "the EEA"),
        false => ("the EEA", Regions::Eea, "the United Kingdom"),
    };
    Err(WorkError::Unacceptable(format!(
        "the study's material may be stored in {} only, and this vault stores it in {here} ({location}); if participants were told so, give the regions as {instead} or {}, otherwise use a vault whose bucket is in {elsewhere}",
        name(regions),
        Regions::UkOrEea
    )))
}

fn name(regions: Regions) -> &'static str {
    match regions {
        Regions::Uk => "the United Kingdom",
        Regions::Eea => "the EEA",
        Regions::UkOrEea => "the United Kingdom or the EEA",
    }
}
