//! Withdrawal: until when, what it reaches and what it cannot, who decides, and the letter about it.

use strongroom::access::acts;
use strongroom::id::{ErasureId, ItemId, ParticipantId};
use strongroom::index::tables;
use strongroom::model::erasure::LateReason;
use strongroom::model::retention::StudyMoment;
use strongroom::model::{Actor, Erasure, ErasureStage, Event, Item, Kind, Standing, Tier};
use strongroom::work::assess::{self, Assessment};
use strongroom::work::letter::Letter;
use strongroom::work::{WorkError, certificate, letter, retrieve, withdraw};

use crate::support::cli::{Site, plain, text as said, wait_until};
use crate::support::house::{House, Pass};

async fn letter_of(house: &House, erasure: ErasureId) -> Letter {
    let who = &house.staff.governance;
    let grant = house.admit::<acts::ReadErasure>(who, erasure).await;
    let letter = letter::letter(&house.service, grant.expect("granted")).await;
    letter.expect("written")
}

async fn refuse(house: &House, who: &Pass, erasure: ErasureId) -> Result<Erasure, WorkError> {
    let grant = house.admit::<acts::RefuseErasure>(who, erasure).await?;
    withdraw::refuse(&house.service, grant, LateReason::Analysed).await
}

async fn assessed(house: &House, erasure: ErasureId) -> Assessment {
    let erasure = house.erasure(erasure);
    let assessed = assess::assess(&house.service, &erasure).await;
    assessed.expect("assessed")
}

fn standing(house: &House, who: ParticipantId) -> Standing {
    let view = house.service.vault().view().expect("the index runs");
    let row = view.reader().get(&tables::PARTICIPANTS, &who);
    row.expect("read").expect("there").standing
}

#[track_caller]
fn has(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word:?} is not in {text}");
    }
}

#[tokio::test]
async fn r10_thirty_days_after_taking_part_and_a_withdrawal_in_time_is_never_refused() {
    let mut house = House::new().await;
    let (rosa, _) = house.interview("Rosa", b"hello").await;
    let (olu, item) = house.interview("Olu", b"hello").await;
    house.later(30);
    let in_time = house.withdraw(rosa, false).await;
    assert!(in_time.in_time);
    assert_eq!(in_time.last_day, Some("2026-04-01".parse().expect("a day")));
    let second = house.staff.second.clone();
    let refused = refuse(&house, &second, in_time.erasure).await;
    assert!(matches!(refused, Err(WorkError::Refused(_))), "{refused:?}");
    assert_eq!(
        house.approve(in_time.erasure).await.stage,
        ErasureStage::Certified
    );

    house.later(1);
    let late = house.withdraw(olu, false).await;
    assert!(!late.in_time, "and frozen all the same");
    assert!(house.fetch(item).await.is_err());
    // What is held goes when it is approved, late or not.
    assert_eq!(
        house.approve(late.erasure).await.stage,
        ErasureStage::Certified
    );
}

#[tokio::test]
async fn r11_a_last_date_that_ends_earlier_when_the_analysis_begins() {
    let mut house = House::new().await;
    house.amend_study(|study| {
        let rule = "until 2026-09-02, or when analysis begins";
        study.withdraw_within = rule.parse().expect("a rule");
    });
    let (rosa, _) = house.interview("Rosa", b"hello").await;
    let (olu, _) = house.interview("Olu", b"hello").await;
    house.later(60);
    let before = house.withdraw(rosa, false).await;
    assert!(before.in_time);
    assert_eq!(before.last_day, Some("2026-09-02".parse().expect("a day")));
    house.amend_study(|study| {
        let today = "2026-05-01".parse().expect("a day");
        study.moments.insert(StudyMoment::AnalysisBegins, today);
    });
    let after = house.withdraw(olu, false).await;
    assert_eq!(after.last_day, Some("2026-04-30".parse().expect("a day")));
    assert!(!after.in_time);
}

#[tokio::test]
async fn r12_r19_a_late_one_is_refused_with_its_reason_and_whom_to_turn_to() {
    let mut house = House::new().await;
    let (rosa, item) = house.interview("Rosa", b"hello").await;
    house.amend_study(|study| {
        let dpo = "dpo@example.gov.uk".parse().expect("a text");
        study.contacts.dpo = Some(dpo);
    });
    house.later(31);
    let late = house.withdraw(rosa, false).await;
    let (recorder, lead) = (house.staff.governance.clone(), house.staff.lead.clone());
    assert!(
        refuse(&house, &recorder, late.erasure).await.is_err(),
        "never alone"
    );
    assert!(
        refuse(&house, &lead, late.erasure).await.is_err(),
        "nor by the team"
    );
    let second = house.staff.second.clone();
    let refused = refuse(&house, &second, late.erasure)
        .await
        .expect("refused");
    assert_eq!(refused.stage, ErasureStage::Refused);
    assert_eq!(house.fetch(item).await.expect("opens again"), b"hello");
    assert_eq!(standing(&house, rosa), Standing::Active);
    let grant = house
        .admit::<acts::ApproveErasure>(&second, late.erasure)
        .await;
    if let Ok(grant) = grant {
        let approved = strongroom::work::erase::approve(&house.service, grant).await;
        assert!(
            matches!(approved, Err(WorkError::Conflict(_))),
            "{approved:?}"
        );
    }
    let text = letter_of(&house, late.erasure).await.text();
    has(
        &text,
        &[
            "comes too late",
            "can no longer be taken apart",
            "dpo@example.gov.uk",
            "Information Commissioner",
            "Nothing was destroyed",
            &rosa.to_string(),
        ],
    );
    // They can still withdraw what names them, and ask again.
    let again = house.withdraw(rosa, true).await;
    assert_eq!(
        house.approve(again.erasure).await.stage,
        ErasureStage::Certified
    );
}

#[tokio::test]
async fn r12_the_answer_says_what_goes_what_stays_and_why() {
    let house = House::new().await;
    let (rosa, audio) = house.interview("Rosa", b"a recording").await;
    let session = session_of(&house, audio);
    house.deposit_kind(session, Kind::Notes, b"notes").await;
    let (supplier, transcriber) = house.supplier(house.service.today()).await;
    let until = "2026-03-31".parse().expect("a day");
    house.assign(audio, supplier, until).await;
    house.fetch_as(&transcriber, audio).await.expect("fetched");
    sealed_copy(&house, &house.staff.lead, audio).await;
    // A supplier's own is among its copies, on which it gives its word.
    sealed_copy(&house, &transcriber, audio).await;
    anonymised_output(&house, audio);

    let withdrawn = house.withdraw(rosa, false).await;
    assert_eq!(withdrawn.frozen_items, 2);
    let before = assessed(&house, withdrawn.erasure).await;
    let kinds: Vec<_> = before.items.clone().into_iter().collect();
    assert_eq!(kinds, [(Kind::Audio, 1), (Kind::Notes, 1)]);
    assert!(before.contact);
    assert_eq!((before.anonymised, before.sealed_copies), (1, 1));
    let copies: Vec<_> = before
        .suppliers
        .iter()
        .map(|one| (one.supplier, one.items))
        .collect();
    assert_eq!(copies, [(supplier, 1)]);
    assert_eq!(before.suppliers[0].confirmed, None);
    let told = letter_of(&house, withdrawn.erasure).await.text();
    has(
        &told,
        &[
            "Sound recordings: 1",
            "Written notes: 1",
            "2 March 2026",
            "did not have to give a reason",
            "A second person",
            "whose words they came from",
            "has yet to confirm",
            "Encrypted copies",
            "within one month",
        ],
    );

    house.approve(withdrawn.erasure).await;
    let after = assessed(&house, withdrawn.erasure).await;
    assert_eq!(before, after, "the answer is the same when it is done");
    let letter = letter_of(&house, withdrawn.erasure).await;
    let told = letter.text();
    has(
        &told,
        &[
            "What was destroyed",
            "Sound recordings: 1",
            "the answer is: nothing",
            "has yet to confirm",
        ],
    );
    assert!(!told.contains("Rosa") && !told.contains("waits"), "{told}");
    // What is enclosed is the certificate, and verifies with the key beside it.
    let (before, note) = told.split_once("The certificate\n\n{").map_or_else(
        || panic!("no certificate in {told}"),
        |(before, note)| (before, format!("{{{note}")),
    );
    let key = before.rsplit("The key\n\n").next().expect("a key");
    let verified = certificate::verify(&note, key.trim()).expect("verifies");
    assert_eq!(verified.statement.participants, [rosa]);
    assert!(letter.pdf().starts_with(b"%PDF-1.7"));
}

fn item_row(house: &House, id: ItemId) -> Item {
    let view = house.service.vault().view().expect("the index runs");
    let row = view.reader().get(&tables::ITEMS, &id);
    row.expect("read").expect("an item")
}

fn session_of(house: &House, item: ItemId) -> strongroom::id::SessionId {
    item_row(house, item).session.expect("a session")
}

/// A colleague takes a sealed copy away.
async fn sealed_copy(house: &House, who: &Pass, item: ItemId) {
    let grant = house
        .admit::<acts::OpenItem>(who, item)
        .await
        .expect("granted");
    let (_, recipient) = strongroom::keyring::unlock::generate_identity();
    let recipients = vec![recipient.to_string()];
    let sealed = retrieve::sealed(&house.service, grant, recipients).await;
    sealed.map(drop).expect("sealed");
}

/// An anonymised output is in the study, made of whatever.
fn anonymised_output(house: &House, like: ItemId) {
    let vault = house.service.vault();
    let id = ItemId::random(&*vault.means().entropy).expect("entropy");
    let upload = strongroom::id::UploadId::random(&*vault.means().entropy).expect("entropy");
    let row = Item {
        id,
        session: None,
        participants: Vec::new(),
        tier: Tier::Anonymised,
        ..item_row(house, like)
    };
    let begun = strongroom::model::Upload {
        id: upload,
        item: row.clone(),
        part_chunks: 1,
        multipart: None,
        expires: house.service.now(),
        sealed: Vec::new(),
        stored: Vec::new(),
    };
    for event in [
        Event::UploadStarted {
            upload: Box::new(begun),
        },
        Event::ItemDeposited {
            upload,
            item: Box::new(row),
        },
    ] {
        let noted = vault.commit_blocking::<_, WorkError>(Actor::Gateway, |_| Ok((event, ())));
        noted.expect("noted");
    }
}

#[tokio::test]
async fn r10_somebody_who_was_never_in_a_session_withdraws_too() {
    let mut house = House::new().await;
    let rosa = house.participant("Rosa").await;
    house.later(300);
    let withdrawn = house.withdraw(rosa, false).await;
    assert!(withdrawn.in_time && withdrawn.last_day.is_none());
    assert_eq!(withdrawn.frozen_items, 0);
    has(
        &letter_of(&house, withdrawn.erasure).await.text(),
        &["no recordings or other material of you"],
    );
    assert_eq!(
        house.approve(withdrawn.erasure).await.stage,
        ErasureStage::Certified
    );
    assert_eq!(standing(&house, rosa), Standing::Erased);
    has(
        &letter_of(&house, withdrawn.erasure).await.text(),
        &["What was destroyed", "nothing"],
    );
}

#[tokio::test]
async fn r10_as_many_approve_as_the_study_asks_for() {
    let house = House::new().await;
    house.amend_study(|study| study.approvers = 2);
    let (rosa, _) = house.interview("Rosa", b"hello").await;
    let withdrawn = house.withdraw(rosa, false).await;
    assert_eq!(withdrawn.recorded.approvers, 2);
    let first = house.approve(withdrawn.erasure).await;
    assert_eq!(first.stage, ErasureStage::Requested, "another is needed");
    let second = house.staff.second.clone();
    let again = house
        .admit::<acts::ApproveErasure>(&second, withdrawn.erasure)
        .await;
    assert!(again.is_err(), "not the same person twice");
    let third = house
        .invite(strongroom::model::Role::InformationGovernance)
        .await;
    let grant = house
        .admit::<acts::ApproveErasure>(&third, withdrawn.erasure)
        .await;
    let done = strongroom::work::erase::approve(&house.service, grant.expect("granted")).await;
    assert_eq!(done.expect("approved").stage, ErasureStage::Certified);
}

#[test]
fn r10_r15_the_whole_story_at_the_command_line() {
    let site = Site::running();
    let study = site.study();
    let add = |name: &str, email: &str| {
        let more = ["--name", name, "--email", email, "--source", "recruiter"];
        site.participant(&study, "audio,transcript", &more)
    };
    let (rosa, olu) = (
        add("Rosa Canary", "rosa@example.org"),
        add("Olu Other", "olu@example.org"),
    );
    let found = site.run(
        "res",
        &[
            "participant",
            "find",
            "--study",
            &study,
            "--email",
            "ROSA@example.org",
        ],
    );
    assert_eq!(said(&found.rows()[0], "id"), rosa);
    let shown = site.run("res", &["participant", "show", &rosa]).json();
    assert_eq!(said(&shown, "name"), "Rosa Canary");
    site.run(
        "res",
        &["participant", "correct", &rosa, "--name", "Rosa Right"],
    )
    .json();
    site.run("ig", &["participant", "show", &rosa]).fails(3);

    let date = crate::support::cli::day(-2);
    let group = [
        "session",
        "add",
        "--study",
        &study,
        "--kind",
        "focus-group",
        "--date",
        &date,
    ];
    let redact = ["--on-withdrawal", "redact-first", "--redact-within", "14d"];
    let who = ["--participant", &rosa, &olu];
    let session = site.run("res", &[&group[..], &redact, &who].concat()).id();
    let file = site.file("both.wav", b"both of them speak");
    let item = site.upload(&file, &session, "audio");

    let partly = ["participant", "consent", &olu, "--permit", "audio"];
    let answer = site.run("res", &partly).json();
    assert_eq!(answer["version"], 2);
    assert_eq!(
        site.run("res", &["participant", "consents", &olu])
            .rows()
            .len(),
        2
    );

    let withdrawn = site.run("lead", &["withdraw", &rosa]).json();
    let erasure = said(&withdrawn, "id");
    assert_eq!(withdrawn["outcome"]["items"]["audio"], 1, "{withdrawn}");
    assert_eq!(
        withdrawn["outcome"]["waits_for"][0],
        item.as_str(),
        "{withdrawn}"
    );
    site.run(
        "ig",
        &["erasure", "refuse", &erasure, "--reason", "analysed"],
    )
    .fails(3);
    let approved = site.run("ig", &["erasure", "approve", &erasure]).json();
    assert_eq!(said(&approved, "stage"), "approved", "{approved}");
    site.fetch_in_vain("lead", &item).fails(3);
    site.run("res", &["fetch", &item, "--for-redaction"])
        .fails(3);
    assert_eq!(
        site.fetch_as("lead", &item, &["--for-redaction"]),
        b"both of them speak"
    );
    let without = site.file("without.wav", b"one of them speaks");
    let upload = [
        "upload",
        plain(&without),
        "--session",
        &session,
        "--kind",
        "audio",
    ];
    let version = site
        .run("lead", &[&upload[..], &["--redacts", &item]].concat())
        .id();
    wait_until("the erasure is certified", || {
        let shown = site.run("ig", &["erasure", "show", &erasure]).json();
        (said(&shown, "stage") == "certified").then_some(())
    });
    site.fetch_in_vain("lead", &item).fails(4);
    assert_eq!(site.fetch("res", &version), b"one of them speaks");
    site.run("res", &["participant", "show", &rosa]).fails(4);

    let (pdf, txt) = (site.path("letter.pdf"), site.path("letter.txt"));
    for path in [&pdf, &txt] {
        site.run("ig", &["erasure", "letter", &erasure, "-o", plain(path)])
            .json();
    }
    assert!(std::fs::read(&pdf).expect("written").starts_with(b"%PDF-"));
    let letter = std::fs::read_to_string(&txt).expect("written");
    has(
        &letter,
        &[
            "What was destroyed",
            &rosa,
            "in versions that you are not in",
        ],
    );
    assert!(
        !letter.contains("Canary") && !letter.contains("Rosa"),
        "{letter}"
    );
}
