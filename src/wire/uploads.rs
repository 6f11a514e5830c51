//! What an upload is to become, as its metadata says it: tus has no bodies of its own.

use std::fmt::Display;
use std::str::FromStr;

use crate::id::{ItemId, SessionId};
use crate::model::{Kind, Text, Tier};

/// Where a file goes and what it is.
#[derive(Debug, Clone)]
pub struct Destination {
    /// What it is.
    pub kind: Kind,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a file comes from.
#[derive(Debug, Clone)]
pub enum Origin {
    /// A session.
    Session(SessionId),
    /// Its session, as a version of an item without those who withdraw.
    Version {
        /// The session.
        session: SessionId,
        /// The item.
        redacts: ItemId,
    },
    /// Items it was made from.
    Items(MadeFrom),
}

/// What a file was made from, and what it may hold.
#[derive(Debug, Clone)]
pub struct MadeFrom {
    /// The items.
    pub from: Vec<ItemId>,
    /// How far from people it is.
    pub tier: Tier,
    /// The participant group it speaks of.
    pub group: Option<Text>,
    /// Whether it has somebody's own words in it.
    pub quotes: bool,
    /// The study's declared fields it shows.
    pub shows: Vec<Text>,
}

impl Destination {
    /// A first recording of a session, or notes on it.
    pub fn new(session: SessionId, kind: Kind) -> Self {
        Self {
            kind,
            origin: Origin::Session(session),
        }
    }

    /// The metadata that says so: keys, each with its text.
    pub fn metadata(&self) -> Vec<(&'static str, String)> {
        let mut pairs = vec![("kind", self.kind.name().to_owned())];
        match &self.origin {
            Origin::Session(session) => pairs.push(("session", session.to_string())),
            Origin::Version { session, redacts } => {
                pairs.push(("session", session.to_string()));
                pairs.push(("redacts", redacts.to_string()));
            }
            Origin::Items(made) => {
                pairs.push(("from", joined(&made.from, ",")));
                pairs.push(("tier", made.tier.name().to_owned()));
                pairs.extend(made.group.iter().map(|group| ("group", group.to_string())));
                if made.quotes {
                    pairs.push(("quotes", "yes".to_owned()));
                }
                if !made.shows.is_empty() {
                    pairs.push(("shows", joined(&made.shows, "\n")));
                }
            }
        }
        pairs
    }

    /// Reads metadata, of which `get` gives the text of a key.
    ///
    /// # Errors
    /// What is missing, not acceptable, or contradicts the rest.
    pub fn parse<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Result<Self, String> {
        let kind = parsed(get("kind").ok_or_else(|| missing("kind"))?)?;
        let origin = match get("from") {
            Some(from) => {
                if get("session").is_some() || get("redacts").is_some() {
                    return Err(
                        "what is made from items names no session and redacts nothing; give `from` or the others"
                            .to_owned(),
                    );
                }
                Origin::Items(MadeFrom {
                    from: each(from, ',')?,
                    tier: parsed(get("tier").ok_or_else(|| missing("tier"))?)?,
                    group: get("group").map(parsed).transpose()?,
                    quotes: truth(get("quotes"))?,
                    shows: each(get("shows").unwrap_or_default(), '\n')?,
                })
            }
            None => {
                for key in ["tier", "group", "quotes", "shows"] {
                    if get(key).is_some() {
                        return Err(format!(
                            "`{key}` belongs to what is made from items; name them in `from`, or leave it out"
                        ));
                    }
                }
                let session = parsed(get("session").ok_or_else(|| missing("session"))?)?;
                match get("redacts") {
                    Some(redacts) => Origin::Version {
                        session,
                        redacts: parsed(redacts)?,
                    },
                    None => Origin::Session(session),
                }
            }
        };
        Ok(Self { kind, origin })
    }
}

fn joined<T: Display>(values: &[T], between: &str) -> String {
    let texts: Vec<String> = values.iter().map(ToString::to_string).collect();
    texts.join(between)
}

fn each<T: FromStr<Err: Display>>(text: &str, between: char) -> Result<Vec<T>, String> {
    let texts = text.split(between).filter(|text| !text.trim().is_empty());
    texts.map(|text| parsed(text.trim())).collect()
}

fn parsed<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}

fn truth(text: Option<&str>) -> Result<bool, String> {
    match text {
        None | Some("no") => Ok(false),
        Some("yes") => Ok(true),
        Some(other) => Err(format!("{other:?} is neither yes nor no")),
    }
}

fn missing(key: &str) -> String {
    format!("there is no {key}; give session (or from and tier) and kind, each in base64")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;

    fn again(destination: &Destination) -> Result<Destination, String> {
        let pairs = destination.metadata();
        Destination::parse(|key| {
            let found = pairs.iter().find(|(known, _)| *known == key);
            found.map(|(_, text)| text.as_str())
        })
    }

    #[test]
    fn what_is_said_is_what_is_read() {
        let entropy = SystemEntropy::new();
        let item = || ItemId::random(&entropy).expect("entropy");
        let text = |text: &str| text.parse::<Text>().expect("a text");
        let session = SessionId::random(&entropy).expect("entropy");
        let made = MadeFrom {
            from: vec![item(), item()],
            tier: Tier::Anonymised,
            group: Some(text("victims, men")),
            quotes: true,
            shows: vec![text("age, banded"), text("region")],
        };
        for origin in [
            Origin::Session(session),
            Origin::Version {
                session,
                redacts: item(),
            },
            Origin::Items(made),
        ] {
            let kind = Kind::Transcript;
            let destination = Destination { kind, origin };
            let read = again(&destination).expect("read");
            assert_eq!(read.metadata(), destination.metadata());
        }
    }

    #[test]
    fn contradictions_are_refused() {
        let read = |pairs: &[(&str, &str)]| {
            let pairs = pairs.to_vec();
            Destination::parse(move |key| {
                let found = pairs.iter().find(|(known, _)| *known == key);
                found.map(|(_, text)| *text)
            })
        };
        for pairs in [
            &[("kind", "audio")][..],
            &[("kind", "audio"), ("from", "itm-x")],
            &[
                ("kind", "audio"),
                ("session", "ses-x"),
                ("tier", "anonymised"),
            ],
            &[("kind", "audio"), ("session", "ses-x"), ("from", "itm-x")],
        ] {
            assert!(read(pairs).is_err(), "{pairs:?}");
        }
    }
}
