//! Where a bucket may be: named sets of regions, and what is taken as proof (R39).
//!
//! Region names are each provider's own: `eu-west-2` is London at Amazon and Paris at Wasabi. So a
//! provider known by its domain is looked up in its own table, and any other in the common one.
//! A region that no table holds is outside.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::config::{Endpoint, RegionName};
use super::error::ObjectsError;

/// Where a study's material may be stored.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Residency {
    /// The United Kingdom, and never overseas.
    #[default]
    Uk,
    /// The United Kingdom or a country of the European Economic Area.
    UkOrEea,
}

impl Residency {
    /// Whether a bucket at `location` is inside.
    ///
    /// The embedded store is where this machine is: that is for whoever runs it to know, and the
    /// report says so.
    pub fn allows(self, location: &Location) -> bool {
        match location {
            Location::ThisMachine => true,
            Location::Said { country, .. } | Location::Attested { country, .. } => {
                self.includes(*country)
            }
        }
    }

    fn includes(self, country: Country) -> bool {
        match self {
            Self::Uk => country == Country::UK,
            Self::UkOrEea => true,
        }
    }
}

impl fmt::Display for Residency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Uk => "the United Kingdom",
            Self::UkOrEea => "the United Kingdom or the European Economic Area",
        })
    }
}

/// A country of the United Kingdom or the European Economic Area, by its ISO 3166 code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Country([u8; 2]);

impl Country {
    const UK: Self = Self(*b"GB");
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.0).unwrap_or("??"))
    }
}

impl TryFrom<String> for Country {
    type Error = ObjectsError;
    fn try_from(text: String) -> Result<Self, ObjectsError> {
        COUNTRIES
            .iter()
            .find(|known| known.as_bytes() == text.as_bytes())
            .and_then(|known| known.as_bytes().try_into().ok())
            .map(Self)
            .ok_or(ObjectsError::BadRegionName)
    }
}

impl From<Country> for String {
    fn from(country: Country) -> Self {
        country.to_string()
    }
}

/// Where a bucket is, and how that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "known-by")]
pub enum Location {
    /// The bucket said so itself.
    Said {
        /// The region it named.
        region: RegionName,
        /// The country the region is in.
        country: Country,
    },
    /// The store cannot say; a named operator did.
    Attested {
        /// The region the operator named.
        region: RegionName,
        /// The country the region is in.
        country: Country,
        /// Who.
        by: String,
        /// When.
        at: Timestamp,
    },
    /// The embedded store, which keeps its objects on this machine.
    ThisMachine,
}

impl Location {
    /// Whether it is in the United Kingdom, rather than in the EEA. The embedded store counts as it,
    /// since that is the only rule it is made under.
    pub fn is_in_uk(&self) -> bool {
        Residency::Uk.allows(self)
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Said { region, country } => write!(f, "{region} ({country}), as the bucket says"),
            Self::Attested {
                region,
                country,
                by,
                at,
            } => write!(f, "{region} ({country}), as {by} attested at {at}"),
            Self::ThisMachine => f.write_str("this machine"),
        }
    }
}

/// A named operator's word on where a store is that cannot say so itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attestation {
    by: String,
    region: RegionName,
    statement: String,
    at: Timestamp,
}

impl Attestation {
    /// The word of `by` at the moment `at` that the bucket is in `region`, for the reason given in
    /// `statement`: a contract, a provider's letter, one's own machine room.
    ///
    /// `region` is a region's name, or a country's ISO 3166 code such as `gb`.
    ///
    /// # Errors
    /// [`ObjectsError::BadAttestation`] when the name or the statement is blank.
    pub fn new(
        by: &str,
        region: RegionName,
        statement: &str,
        at: Timestamp,
    ) -> Result<Self, ObjectsError> {
        let (by, statement) = (by.trim(), statement.trim());
        if by.is_empty() || statement.is_empty() {
            return Err(ObjectsError::BadAttestation);
        }
        Ok(Self {
            by: by.to_owned(),
            region,
            statement: statement.to_owned(),
            at,
        })
    }

    /// Who gave it.
    pub fn by(&self) -> &str {
        &self.by
    }

    /// The region or country they named.
    pub fn region(&self) -> &RegionName {
        &self.region
    }

    /// What they rest it on.
    pub fn statement(&self) -> &str {
        &self.statement
    }

    /// When they gave it.
    pub fn at(&self) -> Timestamp {
        self.at
    }
}

/// Where the bucket is, from its own answer or else from the attestation, if that is inside.
pub(super) fn locate(
    residency: Residency,
    endpoint: &Endpoint,
    bucket: &str,
    said: Option<RegionName>,
    attestation: Option<&Attestation>,
) -> Result<Location, ObjectsError> {
    if endpoint.is_embedded() {
        return Ok(Location::ThisMachine);
    }
    let (region, word) = match (said, attestation) {
        (Some(region), _) => (region, None),
        (None, Some(word)) => (word.region.clone(), Some(word)),
        (None, None) => {
            return Err(ObjectsError::CannotSayRegion {
                bucket: bucket.to_owned(),
                endpoint: endpoint.to_string(),
            });
        }
    };
    let country = country_of(endpoint, &region, word.is_some())
        .filter(|country| residency.includes(*country))
        .ok_or_else(|| ObjectsError::WrongRegion {
            bucket: bucket.to_owned(),
            found: region.to_string(),
            allowed: residency,
        })?;
    Ok(match word {
        Some(word) => Location::Attested {
            region,
            country,
            by: word.by.clone(),
            at: word.at,
        },
        None => Location::Said { region, country },
    })
}

/// A region's name and its country's ISO 3166 code.
type Region = (&'static str, &'static [u8; 2]);

/// Amazon's regions in the UK and the EEA. Zurich (`eu-central-2`) is in neither.
const AMAZON: &[Region] = &[
    ("eu-west-2", b"GB"),
    ("eu-west-1", b"IE"),
    ("eu-west-3", b"FR"),
    ("eu-central-1", b"DE"),
    ("eu-north-1", b"SE"),
    ("eu-south-1", b"IT"),
    ("eu-south-2", b"ES"),
    ("eusc-de-east-1", b"DE"),
];

/// Wasabi took Amazon's names for other places.
const WASABI: &[Region] = &[
    ("eu-west-1", b"GB"),
    ("eu-west-2", b"FR"),
    ("eu-central-1", b"NL"),
    ("eu-central-2", b"DE"),
    ("eu-south-1", b"IT"),
];

/// UK regions of other providers, under names that mean one place wherever they are used.
const ELSEWHERE: &[Region] = &[
    ("uk-lon", b"GB"),
    ("uk-lon1", b"GB"),
    ("gb-lon", b"GB"),
    ("gb-lon-1", b"GB"),
    ("lon1", b"GB"),
    ("eu-gb", b"GB"),
    ("europe-west2", b"GB"),
    ("uksouth", b"GB"),
    ("ukwest", b"GB"),
    ("uk-london-1", b"GB"),
    ("uk-cardiff-1", b"GB"),
];

/// The United Kingdom and the countries of the European Economic Area.
const COUNTRIES: [&str; 31] = [
    "GB", "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE",
    "IS", "IT", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
];

fn country_of(endpoint: &Endpoint, region: &RegionName, attested: bool) -> Option<Country> {
    let tables: &[&[Region]] = if endpoint.is_aws() {
        &[AMAZON]
    } else if endpoint.host().ends_with(".wasabisys.com") {
        &[WASABI]
    } else {
        &[AMAZON, ELSEWHERE]
    };
    let listed = tables
        .iter()
        .flat_map(|table| table.iter())
        .find(|(name, _)| *name == region.as_str())
        .map(|(_, country)| Country(**country));
    // A person may name the country itself; a store's answer is a region's name and nothing else.
    listed.or_else(|| {
        attested
            .then(|| Country::try_from(region.as_str().to_ascii_uppercase()).ok())
            .flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(url: &str, residency: Residency, said: &str) -> Result<Location, ObjectsError> {
        let endpoint = url.parse().expect("an endpoint");
        let said = said.parse().expect("a region");
        locate(residency, &endpoint, "tapes", Some(said), None)
    }

    const AWS: &str = "https://s3.eu-west-2.amazonaws.com";
    const OWN: &str = "https://s3.example.org";
    const WASABI_LONDON: &str = "https://s3.eu-west-1.wasabisys.com";

    /// R39: stored in the UK, never overseas.
    #[test]
    fn only_uk_regions_are_in_the_uk() {
        for (url, region, inside) in [
            (AWS, "eu-west-2", true),
            (AWS, "eu-west-1", false),
            (AWS, "us-east-1", false),
            (AWS, "gb-lon", false),
            (OWN, "eu-west-2", true),
            (OWN, "EU-WEST-2", true),
            (OWN, "uk-lon", true),
            (OWN, "europe-west2", true),
            (OWN, "uksouth", true),
            (OWN, "europe-west1", false),
            (OWN, "gb", false),
            (OWN, "eu-west-22", false),
            (WASABI_LONDON, "eu-west-1", true),
            (WASABI_LONDON, "eu-west-2", false),
        ] {
            let answer = at(url, Residency::Uk, region);
            assert_eq!(answer.is_ok(), inside, "{region} at {url}: {answer:?}");
            if let Err(error) = answer {
                let said = error.to_string();
                assert!(said.contains(&region.to_lowercase()), "{said}");
                assert!(said.contains("United Kingdom"), "{said}");
            }
        }
    }

    /// R39: a study may say EEA. Switzerland is not in it.
    #[test]
    fn a_study_may_say_eea() {
        for (region, inside) in [
            ("eu-west-2", true),
            ("eu-central-1", true),
            ("eu-central-2", false),
            ("us-east-1", false),
        ] {
            assert_eq!(
                at(AWS, Residency::UkOrEea, region).is_ok(),
                inside,
                "{region}"
            );
        }
    }

    #[test]
    fn silence_needs_a_named_persons_word() {
        let endpoint: Endpoint = OWN.parse().expect("an endpoint");
        let ask =
            |word: Option<&Attestation>| locate(Residency::Uk, &endpoint, "tapes", None, word);
        let silence = ask(None).expect_err("nobody said where it is");
        assert!(matches!(silence, ObjectsError::CannotSayRegion { .. }));
        assert!(silence.to_string().contains("--attest-region"));

        let word = |region: &str| {
            Attestation::new(
                "A. Operator",
                region.parse().expect("a region"),
                "the rack is in Leeds",
                Timestamp::UNIX_EPOCH,
            )
            .expect("a whole attestation")
        };
        assert!(matches!(
            ask(Some(&word("gb"))),
            Ok(Location::Attested { .. })
        ));
        assert!(ask(Some(&word("eu-west-1"))).is_err());
    }

    /// What the bucket says counts for more than what somebody says of it.
    #[test]
    fn a_word_does_not_outweigh_the_buckets_own_answer() {
        let endpoint: Endpoint = OWN.parse().expect("an endpoint");
        let word = Attestation::new(
            "A. Operator",
            "eu-west-2".parse().expect("a region"),
            "the contract",
            Timestamp::UNIX_EPOCH,
        )
        .expect("a whole attestation");
        let said = Some("us-east-1".parse().expect("a region"));
        assert!(matches!(
            locate(Residency::Uk, &endpoint, "tapes", said, Some(&word)),
            Err(ObjectsError::WrongRegion { found, .. }) if found == "us-east-1"
        ));
    }

    /// A location is journaled and shown, so it is read back as it was written.
    #[test]
    fn a_location_is_written_down() {
        let said = at(OWN, Residency::Uk, "uk-lon").expect("inside");
        for location in [said, Location::ThisMachine] {
            let noted = serde_json::to_string(&location).expect("written");
            assert_eq!(
                serde_json::from_str::<Location>(&noted).expect("read"),
                location
            );
        }
        let elsewhere = r#"{"known-by":"said","region":"us-east-1","country":"US"}"#;
        assert!(serde_json::from_str::<Location>(elsewhere).is_err());
    }

    #[test]
    fn an_attestation_is_signed_and_says_something() {
        let region: RegionName = "gb".parse().expect("a region");
        for (by, statement) in [("", "the contract"), ("A. Operator", " \n")] {
            let blank = Attestation::new(by, region.clone(), statement, Timestamp::UNIX_EPOCH);
            assert!(matches!(blank, Err(ObjectsError::BadAttestation)));
        }
    }
}
