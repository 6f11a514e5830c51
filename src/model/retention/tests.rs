//! What the notices promise, as rules; and what no rule can promise.

use std::collections::BTreeMap;

use jiff::civil::{Date, date};

use super::{Class, Dates, Due, Moment, RetentionRules, StudyMoment, Subject};
use crate::model::item::{Kind, Tier};

const TODAY: Date = date(2026, 3, 1);

const AUDIO: Subject = Subject::Material {
    kind: Kind::Audio,
    tier: Tier::Identifiable,
};
const OUTPUT: Subject = Subject::Material {
    kind: Kind::Transcript,
    tier: Tier::Anonymised,
};

fn rules(text: &str) -> RetentionRules {
    let rules: RetentionRules = text.parse().expect(text);
    assert_eq!(rules.check(TODAY), Ok(()), "{text}");
    rules
}

fn study(moments: &[(StudyMoment, Date)]) -> BTreeMap<StudyMoment, Date> {
    moments.iter().copied().collect()
}

/// A session on 2026-03-10, brought two days later.
fn dates(study: &BTreeMap<StudyMoment, Date>) -> Dates<'_> {
    Dates {
        session: Some(date(2026, 3, 10)),
        deposit: Some(date(2026, 3, 12)),
        transcript_accepted: None,
        study,
    }
}

fn day(due: &Due<'_>) -> Option<Date> {
    match due {
        Due::On(due) => Some(due.date),
        _ => None,
    }
}

fn why_not(text: &str) -> String {
    let checked = text
        .parse()
        .and_then(|rules: RetentionRules| rules.check(TODAY));
    checked.expect_err(text).to_string()
}

#[test]
fn r41_up_to_two_years_after_the_session() {
    let rules = rules("2y after session");
    assert_eq!(rules.to_string(), "everything: 2y after session");
    let none = study(&[]);
    for subject in [AUDIO, Subject::Contact] {
        let due = rules.due(subject, &dates(&none));
        assert_eq!(day(&due), Some(date(2028, 3, 10)));
        assert!(due.by(date(2028, 3, 10)) && !due.by(date(2028, 3, 9)));
    }
    assert_eq!(rules.due(OUTPUT, &dates(&none)), Due::NoRule);
}

#[test]
fn r41_months_and_years_are_the_calendars() {
    let rules = rules("2y after session");
    let none = study(&[]);
    let mut leap = dates(&none);
    leap.session = Some(date(2024, 2, 29));
    assert_eq!(day(&rules.due(AUDIO, &leap)), Some(date(2026, 2, 28)));
}

#[test]
fn r42_identifiable_twelve_months_after_publication() {
    let rules = rules("identifiable: 12m after publication");
    let none = study(&[]);
    let Due::Waiting { rule, missing } = rules.due(AUDIO, &dates(&none)) else {
        panic!("the report has no date");
    };
    assert_eq!(rule.to_string(), "identifiable: 12m after publication");
    let publication = Moment::Study(StudyMoment::Publication);
    assert_eq!(missing.into_iter().collect::<Vec<_>>(), [publication]);

    let published = study(&[(StudyMoment::Publication, date(2026, 9, 1))]);
    for subject in [AUDIO, Subject::Contact] {
        let Due::On(due) = rules.due(subject, &dates(&published)) else {
            panic!("the report is published");
        };
        assert_eq!(due.date, date(2027, 9, 1));
        assert_eq!(due.from, Some((publication, date(2026, 9, 1))));
    }
    assert_eq!(rules.due(OUTPUT, &dates(&published)), Due::NoRule);
}

#[test]
fn r43_everything_on_publication_within_three_months_of_the_end() {
    let rules = rules("everything: earliest of (publication, 3m after collection-ends)");
    let ended = study(&[(StudyMoment::CollectionEnds, date(2026, 5, 31))]);
    let Due::On(due) = rules.due(OUTPUT, &dates(&ended)) else {
        panic!("collection has ended");
    };
    assert_eq!(due.date, date(2026, 8, 31));
    let unknown: Vec<Moment> = due.unknown.into_iter().collect();
    assert_eq!(unknown, [Moment::Study(StudyMoment::Publication)]);

    let both = study(&[
        (StudyMoment::CollectionEnds, date(2026, 5, 31)),
        (StudyMoment::Publication, date(2026, 7, 1)),
    ]);
    let due = rules.due(Subject::Contact, &dates(&both));
    assert_eq!(day(&due), Some(date(2026, 7, 1)));
}

#[test]
fn r24_identifiers_for_linking_go_once_linked() {
    let rules = rules("contact: 1d after linked; identifiable: 5y after completion");
    let linked = study(&[(StudyMoment::Linked, date(2026, 4, 1))]);
    let contact = rules.due(Subject::Contact, &dates(&linked));
    assert_eq!(day(&contact), Some(date(2026, 4, 2)));
    let Due::On(due) = contact else {
        unreachable!()
    };
    assert_eq!(due.rule.class, Class::Contact);
    assert!(matches!(
        rules.due(AUDIO, &dates(&linked)),
        Due::Waiting { .. }
    ));
}

#[test]
fn r44_of_several_rules_the_earliest_wins_and_the_latest_waits_for_all() {
    let rules = rules(
        "audio: 7d after transcript-accepted; identifiable: latest of (1y after session, completion)",
    );
    let none = study(&[]);
    let mut accepted = dates(&none);
    let Due::Waiting { missing, .. } = rules.due(AUDIO, &accepted) else {
        panic!("neither is dated");
    };
    let completion = Moment::Study(StudyMoment::Completion);
    let both = [Moment::TranscriptAccepted, completion];
    assert_eq!(missing.into_iter().collect::<Vec<_>>(), both);
    accepted.transcript_accepted = Some(date(2026, 4, 1));
    let Due::On(due) = rules.due(AUDIO, &accepted) else {
        panic!("it is accepted");
    };
    assert_eq!(
        (due.date, due.rule.class),
        (date(2026, 4, 8), Class::Kind(Kind::Audio))
    );
    assert!(due.unknown.contains(&completion));

    let completed = study(&[(StudyMoment::Completion, date(2026, 6, 1))]);
    let due = rules.due(Subject::Contact, &dates(&completed));
    assert_eq!(day(&due), Some(date(2027, 3, 10)));
}

#[test]
fn r44_what_is_never_transcribed_does_not_wait_for_a_transcript() {
    let rules = rules("earliest of (30d after transcript-accepted, completion)");
    let none = study(&[]);
    let Due::Waiting { missing, .. } = rules.due(Subject::Contact, &dates(&none)) else {
        panic!("it is not completed");
    };
    assert!(!missing.contains(&Moment::TranscriptAccepted));
}

#[test]
fn r44_typing_is_forgiven_and_written_one_way() {
    let written = "audio: 7d after transcript-accepted; everything: earliest of (publication, 3m after collection-ends, on 2030-01-31)";
    for typed in [
        written,
        " Audio : 7 days after Transcript accepted;EARLIEST OF(publication,3 months after the collection ends ,on 2030-01-31) ; ",
        "audio:7D after transcript_accepted\n; earliest ( publication, 3m after collection-end, on 2030-01-31 )",
    ] {
        assert_eq!(rules(typed).to_string(), written);
    }
    let json = serde_json::to_string(&rules(written)).expect("writes");
    assert_eq!(json, format!("{written:?}"));
    assert!(serde_json::from_str::<RetentionRules>("\"for ever\"").is_err());
}

#[test]
fn r44_what_is_no_rule_is_told_the_nearest_that_is() {
    for (text, said) in [
        ("", "no retention rule is given"),
        ("2y", "followed by `after`"),
        (
            "0d after session",
            "\"0d\" is not a period; write a number from 1",
        ),
        ("2x after session", "\"2x\" is not a period"),
        (
            "2y after interview",
            "\"interview\" in \"2y after interview\" is no moment; one of session, deposit",
        ),
        ("12m after publicaton", "(did you mean publication?)"),
        (
            "sound: 2y after session",
            "\"sound\" in \"sound: 2y after session\" is nothing a rule can be for; one of everything",
        ),
        (
            "contacts details: 1d after linked",
            "one of everything, identifiable",
        ),
        (
            "on 2027-02-30",
            "\"2027-02-30\" in \"on 2027-02-30\" is no day of the calendar",
        ),
        (
            "earliest of (publication)",
            "has a list of 1; a list has between 2 and 8",
        ),
        ("earliest of ()", "has a list of 0"),
        (
            "earliest of (publication, completion",
            "a bracket is not closed",
        ),
        ("publication completion)", "\"publication completion\""),
        ("publication)", "it goes on after its end"),
        ("for ever", "\"for ever\" in \"for ever\" is no moment"),
        (
            "latest of (publication, earliest of (linked, latest of (completion, earliest of (session, deposit))))",
            "lists in lists deeper than 3",
        ),
    ] {
        let why = why_not(text);
        assert!(why.contains(said), "{text}: {why}");
    }
    let many = "2y after session;".repeat(17);
    assert!(why_not(&many).contains("17 retention rules are given; at most 16"));
    assert!(why_not(&"x".repeat(2001)).contains("2001 bytes"));
}

#[test]
fn r44_a_rule_that_never_fires_is_refused() {
    for (text, said) in [
        (
            "2y after session; anonymised: 2y after session",
            "`anonymised: 2y after session` can never come true: what is anonymised has no link to a session; write `anonymised: 10y after publication`",
        ),
        (
            "2y after session; contact: 7d after transcript-accepted",
            "contact details have no transcript; write `contact: 30d after session`",
        ),
        (
            "identifiable: 2y after session; contact: 1y after deposit",
            "contact details are written down with the participant and never deposited",
        ),
        (
            "photo: 7d after transcript-accepted; 2y after session",
            "photo never comes to transcript-accepted: it is not transcribed; write `photo: 30d after deposit`",
        ),
        (
            "2y after session; anonymised: earliest of (publication, 1y after session)",
            "no link to a session",
        ),
        (
            "on 2026-02-28",
            "names 2026-02-28, which is past; name a day from 2026-03-01 on",
        ),
    ] {
        let why = why_not(text);
        assert!(why.contains(said), "{text}: {why}");
    }
    assert_eq!(
        "on 2026-03-01"
            .parse()
            .map(|rules: RetentionRules| rules.check(TODAY)),
        Ok(Ok(()))
    );
}

#[test]
fn r44_a_rule_that_never_wins_is_refused() {
    for (text, idle, by) in [
        (
            "2y after session; audio: 3y after session",
            "`audio: 3y after session`",
            "`everything: 2y",
        ),
        (
            "audio: 7d after session; audio: 30d after session; 2y after session",
            "`audio: 30d",
            "`audio: 7d",
        ),
        (
            "2y after session; 24m after session",
            "`everything: 24m after session`",
            "`everything: 2y",
        ),
        (
            "2y after session; identifiable: 2y after deposit",
            "`identifiable: 2y after deposit`",
            "`everything: 2y",
        ),
        (
            "earliest of (publication, completion); contact: 1d after publication",
            "`contact: 1d",
            "`everything: earliest",
        ),
    ] {
        let why = why_not(text);
        assert!(why.starts_with(idle) && why.contains(by), "{text}: {why}");
    }
    for text in [
        "earliest of (2y after session, 3y after session)",
        "latest of (publication, 1d after publication)",
        "latest of (1y after session, earliest of (1y after session, publication))",
    ] {
        let why = why_not(text);
        assert!(why.contains("decides nothing"), "{text}: {why}");
    }
    rules("2y after session; audio: 7d after transcript-accepted; contact: 1d after linked");
}

#[test]
fn r44_whoever_can_be_recognised_is_promised_an_end() {
    for (text, said) in [
        (
            "audio: 7d after transcript-accepted",
            "identifiable material (video, screen, photo, notes, transcript, survey) and contact details: they would be kept for ever; add one, as in `audio: 7d after transcript-accepted; identifiable: 2y after session`",
        ),
        (
            "everything: 7d after transcript-accepted",
            "photo, notes, survey",
        ),
        (
            "identifiable: 1y after deposit",
            "is for contact details: they would be kept for ever; add one, as in `identifiable: 1y after deposit; contact: 2y after session`",
        ),
        ("contact: 1d after linked", "identifiable material (audio"),
        (
            "anonymised: publication; de-identified: publication",
            "and contact details",
        ),
    ] {
        let why = why_not(text);
        assert!(why.contains(said), "{text}: {why}");
        if let Some((_, instead)) = why.split_once("as in `") {
            rules(instead.trim_end_matches('`'));
        }
    }
}
