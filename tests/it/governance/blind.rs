//! What a commissioner can see is the same whether or not somebody withdrew (R14), and what a controller
//! can see the same whether or not there is another (R50).
//!
//! A history is played twice in two vaults, with and without what must not be seen, and everything that
//! can be asked is asked of a real gateway. Identifiers are drawn anew in each; they are compared by the
//! order in which they appear.

use std::collections::HashMap;
use std::sync::Arc;

use http::Method;
use proptest::prelude::*;
use serde_json::Value;
use strongroom::access::acts;
use strongroom::entropy::SystemEntropy;
use strongroom::gateway::{Gateway, ROUTES, document};
use strongroom::id::{
    AssignmentId, DisclosureId, ErasureId, ItemId, ParticipantId, ReleaseId, RequestId, SessionId,
    StudyId, SupplierId, UploadId,
};
use strongroom::index::tables;
use strongroom::model::person::TERMS;
use strongroom::model::{Finding, Kind, LawfulBasis, Purpose, Role, Tier};
use strongroom::work::inspect::{self, ItemFilter};
use strongroom::work::study::{self, NewStudy};
use strongroom::work::{WorkError, assigned, release, supply, withdraw};
use tokio::sync::oneshot;

use super::outputs::{made, text};
use crate::support::gateway::{Answer, client, on_loopback};
use crate::support::house::{House, Pass};

/// One thing that happens in a study. Numbers choose among what there is.
#[derive(Debug, Clone)]
enum Step {
    Participant,
    Session(usize, Option<usize>),
    Upload(usize),
    Derive(bool, usize, Option<usize>),
    Check(usize, bool),
    Request(usize),
    Decide(usize, bool),
    ContactOnly(usize),
    Assign(usize),
    Days(i32),
}

fn step() -> impl Strategy<Value = Step> {
    let one = 0..20_usize;
    prop_oneof![
        2 => Just(Step::Participant),
        3 => (one.clone(), proptest::option::of(one.clone())).prop_map(|(a, b)| Step::Session(a, b)),
        4 => one.clone().prop_map(Step::Upload),
        6 => (any::<bool>(), one.clone(), proptest::option::of(one.clone()))
            .prop_map(|(anonymised, a, b)| Step::Derive(anonymised, a, b)),
        5 => (one.clone(), prop::bool::weighted(0.9)).prop_map(|(a, passed)| Step::Check(a, passed)),
        4 => one.clone().prop_map(Step::Request),
        4 => (one.clone(), prop::bool::weighted(0.8)).prop_map(|(a, given)| Step::Decide(a, given)),
        1 => one.clone().prop_map(Step::ContactOnly),
        1 => one.prop_map(Step::Assign),
        1 => (1..20_i32).prop_map(Step::Days),
    ]
}

/// A history, and where in it whom of its participants withdraws.
#[derive(Debug, Clone)]
struct History {
    steps: Vec<Step>,
    who: usize,
    after: usize,
    /// Whether a second person approves the erasure, so many steps later.
    approved: Option<usize>,
}

fn history() -> impl Strategy<Value = History> {
    let steps = prop::collection::vec(step(), 10..40);
    let approved = prop::option::weighted(0.7, 0..5_usize);
    (steps, 0..4_usize, 0..40_usize, approved).prop_map(|(steps, who, after, approved)| {
        let after = 4 + after % steps.len();
        History {
            steps,
            who,
            after,
            approved,
        }
    })
}

/// They need no token, or end the one in hand, or give the key the vault was founded with.
const LEFT_OUT: [&str; 5] = [
    "/v1/enrolments",
    "/v1/challenges",
    "/v1/tokens",
    "/v1/tokens/current",
    "/v1/vault/key",
];

/// What there is in one vault, in the order it came.
struct Play {
    house: House,
    second: Pass,
    commissioner: Pass,
    supplier: SupplierId,
    participants: Vec<ParticipantId>,
    /// Each with the participants in it, by number.
    sessions: Vec<(SessionId, Vec<usize>)>,
    /// Each with the participants it hangs on or was made from.
    items: Vec<(ItemId, Vec<usize>)>,
    derived: Vec<(ItemId, Vec<usize>)>,
    outputs: Vec<ItemId>,
    releases: Vec<ReleaseId>,
    erasures: Vec<ErasureId>,
    /// Who has withdrawn in this history, whether it is played or left out.
    left: Option<usize>,
}

impl Play {
    async fn begin() -> Self {
        let house = House::new().await;
        house.papers();
        let second = house.member(Role::Researcher, None).await;
        let commissioner = house.member(Role::Commissioner, None).await;
        let (supplier, _) = house.supplier(house.service.today()).await;
        let mut play = Self {
            house,
            second,
            commissioner,
            supplier,
            participants: Vec::new(),
            sessions: Vec::new(),
            items: Vec::new(),
            derived: Vec::new(),
            outputs: Vec::new(),
            releases: Vec::new(),
            erasures: Vec::new(),
            left: None,
        };
        // Enough for the first step to have something to choose from, and for somebody to withdraw.
        for number in 0..4 {
            play.step(&Step::Participant).await;
            play.step(&Step::Session(number, None)).await;
            play.step(&Step::Upload(number)).await;
        }
        play
    }

    /// Plays a history, with the withdrawal or without.
    async fn of(history: &History, withdrawn: bool) -> Self {
        let mut play = Self::begin().await;
        for (number, step) in history.steps.iter().enumerate() {
            if number + 4 == history.after {
                play.left = Some(history.who);
                if withdrawn {
                    let who = play.participants[history.who];
                    let answer = play.house.withdraw(who, false).await;
                    play.erasures.push(answer.erasure);
                }
            }
            let approved = history.approved.map(|later| history.after + later);
            if approved == Some(number + 4) && withdrawn {
                play.house.approve(play.erasures[0]).await;
            }
            play.step(step).await;
        }
        play
    }

    /// Whether a step would touch what was withdrawn; it is left out with and without (R13).
    fn touches(&self, people: &[usize]) -> bool {
        self.left.is_some_and(|left| people.contains(&left))
    }

    async fn step(&mut self, step: &Step) {
        let lead = self.house.staff.lead.clone();
        match step {
            Step::Participant => {
                let name = format!("Participant {}", self.participants.len());
                self.participants.push(self.house.participant(&name).await);
            }
            Step::Session(one, other) => {
                let mut people = vec![one % self.participants.len()];
                people.extend(other.map(|other| other % self.participants.len()));
                people.sort_unstable();
                people.dedup();
                if !self.touches(&people) {
                    let ids: Vec<_> = people.iter().map(|who| self.participants[*who]).collect();
                    self.sessions.push((self.house.session(&ids).await, people));
                }
            }
            Step::Upload(session) => {
                let (session, people) = self.sessions[session % self.sessions.len()].clone();
                if !self.touches(&people) {
                    let item = self.house.deposit(session, &b"words"[..], "a.wav").await;
                    self.items.push((item, people));
                }
            }
            Step::Derive(anonymised, one, other) => {
                let (first, mut people) = self.items[one % self.items.len()].clone();
                let mut from = vec![first];
                if let (true, Some(other)) = (anonymised, other) {
                    let (second, others) = self.items[other % self.items.len()].clone();
                    from.push(second);
                    people.extend(others);
                }
                if self.touches(&people) {
                    return;
                }
                let (tier, kind) = match anonymised {
                    true => (Tier::Anonymised, Kind::Notes),
                    false => (Tier::DeIdentified, Kind::Transcript),
                };
                let made = made(tier);
                let item = self.house.derive(&from, made, kind, b"made").await;
                // What is about nobody is touched by nobody's withdrawal.
                let people = if *anonymised { Vec::new() } else { people };
                self.derived.push((item.expect("taken in"), people));
            }
            Step::Check(item, passed) => {
                let Some((item, people)) = pick(&self.derived, *item) else {
                    return;
                };
                if self.touches(&people) {
                    return;
                }
                let finding = (!passed).then_some(Finding::Names);
                // What was looked at before stays as it is.
                let looked = self.house.look(&self.second, item, finding, true).await;
                if looked.is_ok() && *passed && people.is_empty() {
                    self.outputs.push(item);
                }
            }
            Step::Request(output) => {
                let Some(item) = pick(&self.outputs, *output) else {
                    return;
                };
                if let Ok(release) = self.house.ask_for(&self.second, item).await {
                    self.releases.push(release);
                }
            }
            Step::Decide(release, given) => {
                let Some(release) = pick(&self.releases, *release) else {
                    return;
                };
                let finding = (!given).then_some(Finding::SmallNumbers);
                // One that was decided before stays as it is.
                let _ = self.house.decide(&lead, release, finding, true).await;
            }
            Step::ContactOnly(who) => {
                let who = who % self.participants.len();
                let id = self.participants[who];
                // Once is enough of anybody.
                if !self.touches(&[who]) && self.house.name_of(id).is_some() {
                    let grant = self
                        .house
                        .admit::<acts::WithdrawParticipant>(&lead, id)
                        .await;
                    if let Ok(grant) = grant {
                        let service = &self.house.service;
                        let _ = withdraw::withdraw(service, grant, true).await;
                    }
                }
            }
            Step::Assign(item) => {
                let (item, people) = self.items[item % self.items.len()].clone();
                if !self.touches(&people) {
                    let today = self.house.service.today();
                    let on = (item, self.supplier);
                    let grant = self.house.admit::<acts::AssignItem>(&lead, on).await;
                    let purpose = Purpose::Transcription;
                    let grant = grant.expect("granted");
                    // It may have it already.
                    let _ = supply::assign(&self.house.service, grant, purpose, today).await;
                }
            }
            Step::Days(days) => {
                let today = self.house.service.today();
                let later = jiff::ToSpan::days(i64::from(*days));
                self.house.move_to(today.saturating_add(later)).await;
            }
        }
    }

    /// The identifiers to ask for, by their place in a path: each that there is, and one there is not.
    fn known(&self) -> HashMap<&'static str, Vec<String>> {
        let entropy = SystemEntropy::new();
        macro_rules! all {
            ($kind:ty, $ids:expr) => {{
                let unknown = <$kind>::random(&entropy).expect("entropy").to_string();
                $ids.iter()
                    .map(|id| id.to_string())
                    .chain([unknown])
                    .collect()
            }};
        }
        let items = self.items.iter().chain(&self.derived).map(|(id, _)| *id);
        let items: Vec<_> = items.collect();
        let sessions: Vec<_> = self.sessions.iter().map(|(id, _)| *id).collect();
        // With a withdrawal there is an erasure: it is asked for in the place of the unknown one.
        let erasure = match self.erasures.first() {
            Some(id) => *id,
            None => ErasureId::random(&entropy).expect("entropy"),
        };
        HashMap::from([
            ("study", vec![self.house.staff.study.to_string()]),
            ("person", vec![self.second.id.to_string()]),
            ("participant", all!(ParticipantId, self.participants)),
            ("session", all!(SessionId, sessions)),
            ("item", all!(ItemId, items)),
            ("release", all!(ReleaseId, self.releases)),
            ("erasure", vec![erasure.to_string()]),
            ("supplier", vec![self.supplier.to_string()]),
            ("upload", all!(UploadId, Vec::<UploadId>::new())),
            ("moment", vec!["publication".to_owned()]),
            ("version", vec!["1".to_owned()]),
            ("assignment", all!(AssignmentId, Vec::<AssignmentId>::new())),
            ("request", all!(RequestId, Vec::<RequestId>::new())),
            ("disclosure", all!(DisclosureId, Vec::<DisclosureId>::new())),
        ])
    }

    /// Everything there is to ask, asked by somebody of a real gateway.
    async fn everything(&self, who: &Pass, only_look: bool) -> Vec<String> {
        let gateway = Gateway::bind(Arc::clone(&self.house.service), on_loopback());
        let gateway = gateway.expect("bound");
        let url = gateway.url();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(gateway.serve(async {
            let _told_or_dropped = stopped.await;
        }));
        let known = self.known();
        let client = client();
        let mut names = Names::default();
        // Those that are known are called by when they came; lists are in the order of identifiers, which
        // are drawn at random, and are compared as sets.
        let mut places: Vec<_> = known.iter().collect();
        places.sort_unstable();
        let staff = &self.house.staff;
        for id in [
            staff.admin.id,
            staff.lead.id,
            staff.governance.id,
            self.commissioner.id,
        ] {
            names.of(&id.to_string());
        }
        for id in places.iter().flat_map(|(_, ids)| *ids) {
            names.of(id);
        }
        let mut answers = Vec::new();
        for (verb, route) in ROUTES {
            if LEFT_OUT.contains(route) {
                continue;
            }
            if only_look && *verb != "GET" && *verb != "HEAD" {
                continue;
            }
            let method: Method = verb.parse().expect("a method");
            for path in paths(route, &known) {
                let asked = client.request(method.clone(), format!("{url}{path}"));
                let mut asked = asked.bearer_auth(&who.bearer);
                if route.starts_with("/v1/uploads") {
                    asked = asked.header("Tus-Resumable", "1.0.0");
                } else if !matches!(*verb, "GET" | "HEAD") {
                    asked = asked.json(&serde_json::json!({}));
                }
                let answer = Answer::of(asked.send().await.expect("answered")).await;
                let said = names.of(&format!(
                    "{verb} {path} {} {:?}",
                    answer.status, answer.headers
                ));
                answers.push(format!("{said}{}", names.of_body(&answer.body)));
            }
        }
        drop(stop);
        serving.await.expect("no panic").expect("it stopped");
        answers
    }
}

fn pick<T: Clone>(of: &[T], number: usize) -> Option<T> {
    of.get(number % of.len().max(1)).cloned()
}

/// Every path of a route, with each identifier there is in each place.
fn paths(route: &str, known: &HashMap<&'static str, Vec<String>>) -> Vec<String> {
    let Some((before, rest)) = route.split_once('{') else {
        return vec![route.to_owned()];
    };
    let (name, after) = rest.split_once('}').expect("closed");
    let ids = known.get(name).expect("every place in a path is filled");
    ids.iter()
        .flat_map(|id| paths(&format!("{before}{id}{after}"), known))
        .collect()
}

/// Identifiers and tokens by the order in which they appear.
#[derive(Default)]
struct Names(HashMap<String, usize>);

impl Names {
    fn of(&mut self, said: &str) -> String {
        let mut out = String::new();
        let mut word = String::new();
        for letter in said.chars().chain([' ']) {
            if letter.is_ascii_alphanumeric() || "-*~$=".contains(letter) {
                word.push(letter);
                continue;
            }
            let named = word.split_once('-').is_some_and(|(prefix, rest)| {
                prefix.len() == 3
                    && rest.len() == 17
                    && prefix.chars().all(|c| c.is_ascii_lowercase())
            });
            match named {
                true => {
                    let next = self.0.len();
                    let number = self.0.entry(word.clone()).or_insert(next);
                    out += &format!("#{number}");
                }
                false => out += &word,
            }
            word.clear();
            out.push(letter);
        }
        out
    }
}

impl Names {
    fn of_body(&mut self, body: &[u8]) -> String {
        match serde_json::from_slice(body) {
            Ok(json) => self.sorted(json).to_string(),
            Err(_) => self.of(&String::from_utf8_lossy(body)),
        }
    }

    fn sorted(&mut self, value: Value) -> Value {
        match value {
            Value::String(said) => Value::String(self.of(&said)),
            Value::Array(rows) => {
                let mut rows: Vec<Value> = rows.into_iter().map(|row| self.sorted(row)).collect();
                rows.sort_by_key(Value::to_string);
                Value::Array(rows)
            }
            Value::Object(fields) => {
                let fields = fields.into_iter();
                Value::Object(
                    fields
                        .map(|(key, value)| (key, self.sorted(value)))
                        .collect(),
                )
            }
            other => other,
        }
    }
}

/// Two plays told the same, or the first place where they were not.
fn same(with: &[String], without: &[String]) {
    for (with, without) in with.iter().zip(without) {
        assert_eq!(with, without, "one tells what the other does not");
    }
    assert_eq!(with.len(), without.len());
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 6,
        failure_persistence: None,
        max_shrink_iters: 8,
        ..ProptestConfig::default()
    })]

    /// R13, R14: no response a commissioner can get differs between a history and the same history
    /// without a withdrawal.
    #[test]
    fn r14_no_answer_tells_a_commissioner_of_a_withdrawal(history in history()) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let with = Play::of(&history, true).await;
            let without = Play::of(&history, false).await;
            assert_eq!(with.releases.len(), without.releases.len());
            let told = with.everything(&with.commissioner, false).await;
            let expected = without.everything(&without.commissioner, false).await;
            same(&told, &expected);
        });
    }
}

/// A history in which there is something to see.
fn telling() -> History {
    let steps = vec![
        Step::Derive(true, 0, Some(1)),
        Step::Check(0, true),
        Step::Request(0),
        Step::Decide(0, true),
        Step::Derive(true, 2, Some(3)),
        Step::Check(1, true),
        Step::Request(1),
        Step::Derive(false, 3, None),
        Step::Check(2, true),
        Step::Decide(1, true),
        Step::Days(3),
        Step::Derive(true, 1, None),
    ];
    History {
        steps,
        who: 0,
        after: 8,
        approved: Some(2),
    }
}

/// The commissioner is shown what was released, by the telling history itself, so that sameness says
/// something.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r14_what_was_released_stays_and_tells_nothing() {
    let with = Play::of(&telling(), true).await;
    let without = Play::of(&telling(), false).await;
    let told = with.everything(&with.commissioner, false).await;
    assert!(
        told.iter()
            .any(|answer| answer.contains("GET /v1/releases 200")
                && answer.contains("What we found"))
    );
    assert!(told.iter().any(|answer| answer.ends_with("made ")));
    same(
        &told,
        &without.everything(&without.commissioner, false).await,
    );
    // The study's lead can tell: the comparison sees what there is to be seen.
    let lead = with.everything(&with.house.staff.lead, true).await;
    let other = without.everything(&without.house.staff.lead, true).await;
    assert_ne!(lead, other);
}

/// The work done for a commissioner is the same as well, table by table, and none of it is a look at
/// people, sessions, consents or withdrawals: so its time can tell nothing either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r14_no_work_is_done_that_could_tell() {
    let with = Play::of(&telling(), true).await;
    let without = Play::of(&telling(), false).await;
    let worked = work_of(&with).await;
    assert_eq!(worked, work_of(&without).await);
    for byte in [
        tables::PARTICIPANTS.byte(),
        tables::PARTICIPANTS_OF.byte(),
        tables::SESSIONS.byte(),
        tables::SESSIONS_OF.byte(),
        tables::SESSIONS_WITH.byte(),
        tables::CONSENTS.byte(),
        tables::ITEMS_OF.byte(),
        tables::ITEMS_WITH.byte(),
        tables::ERASURES.byte(),
        tables::ERASURES_OF.byte(),
        tables::ERASURES_IN.byte(),
        tables::REQUESTS.byte(),
        tables::FETCHED.byte(),
        tables::HELD.byte(),
    ] {
        assert_eq!(worked[usize::from(byte)], 0, "table {byte}");
    }
    assert!(worked[usize::from(tables::RELEASES.byte())] > 0);
}

/// Looks at each table while a commissioner asks for everything; the gateway's own rounds are not
/// among them.
async fn work_of(play: &Play) -> Vec<u64> {
    let (service, who) = (&play.house.service, &play.commissioner);
    let before = service.vault().looked();
    let caller = play.house.caller(who);
    release::releases(service, &caller).await.expect("listed");
    inspect::me(service, &caller).expect("oneself");
    inspect::studies(service, &caller).await.expect("listed");
    inspect::erasures(service, &caller).await.expect("listed");
    let filters = [None, Some(play.house.staff.study)].map(|study| ItemFilter {
        study,
        ..ItemFilter::default()
    });
    for filter in filters {
        let items = inspect::items(service, &caller, filter, None, 100).await;
        assert!(items.expect("listed").is_empty());
    }
    let assignments = assigned::assignments(service, &caller, None, false).await;
    assert!(assignments.expect("listed").is_empty());
    for release in &play.releases {
        let grant = play.house.admit::<acts::ReadRelease>(who, *release).await;
        if let Ok(grant) = grant {
            let opened = release::open(service, grant, None).await.expect("opens");
            drop(opened);
        }
    }
    for (item, _) in play.items.iter().chain(&play.derived) {
        let refused = play.house.admit::<acts::OpenItem>(who, *item).await;
        assert!(matches!(refused, Err(WorkError::NoSuchThing)));
    }
    for participant in &play.participants {
        let refused = play
            .house
            .admit::<acts::ReadContact>(who, *participant)
            .await;
        assert!(matches!(refused, Err(WorkError::NoSuchThing)));
    }
    let after = service.vault().looked();
    after
        .iter()
        .zip(before)
        .map(|(after, before)| after - before)
        .collect()
}

/// Nobody of one controller's study can tell that another controller's is in the same vault.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r50_controllers_cannot_tell_of_each_other() {
    let mut told = Vec::new();
    for another in [true, false] {
        let mut play = Play::begin().await;
        if another {
            // A whole study of somebody else's, with its people, material and a withdrawal.
            let first = play.house.staff.clone();
            let (participants, sessions) = (play.participants.clone(), play.sessions.clone());
            let (items, second) = (play.items.clone(), play.second.clone());
            let commissioner = play.commissioner.clone();
            play.house.staff.lead = play.house.invite(Role::StudyLead).await;
            play.house.staff.study = found_another(&play.house).await;
            play.house.papers();
            play.second = play.house.member(Role::Researcher, None).await;
            play.commissioner = play.house.member(Role::Commissioner, None).await;
            play.participants.clear();
            play.sessions.clear();
            play.items.clear();
            for number in 0..4 {
                play.step(&Step::Participant).await;
                play.step(&Step::Session(number, None)).await;
                play.step(&Step::Upload(number)).await;
            }
            let shared = play.supplier;
            play.supplier = approve_for(&play.house, "Another department").await;
            play.step(&Step::Assign(1)).await;
            play.supplier = shared;
            for step in telling()
                .steps
                .iter()
                .filter(|step| !matches!(step, Step::Days(_)))
            {
                play.step(step).await;
            }
            let withdrawn = play.house.withdraw(play.participants[0], false).await;
            play.house.approve(withdrawn.erasure).await;
            play.house.staff = first;
            (play.participants, play.sessions, play.items) = (participants, sessions, items);
            (play.second, play.commissioner) = (second, commissioner);
            (play.derived, play.outputs, play.releases) = (Vec::new(), Vec::new(), Vec::new());
        }
        let transcriber = play.house.transcriber_of(play.supplier).await;
        play.step(&Step::Assign(0)).await;
        for step in &telling().steps {
            play.step(step).await;
        }
        let mut answers = Vec::new();
        for who in [
            &play.house.staff.lead,
            &play.second,
            &play.commissioner,
            &transcriber,
        ] {
            answers.extend(play.everything(who, true).await);
        }
        // Then they ask for everything else as well, and do what they may.
        for who in [
            &transcriber,
            &play.commissioner,
            &play.second,
            &play.house.staff.lead,
        ] {
            answers.extend(play.everything(who, false).await);
        }
        told.push(answers);
    }
    same(&told[0], &told[1]);
}

/// A supplier that may work for one controller only.
async fn approve_for(house: &House, controller: &str) -> SupplierId {
    let grant = house
        .admit::<acts::ManageSuppliers>(&house.staff.admin, ())
        .await;
    let (name, signed) = (text("Quiet Words"), house.service.today());
    let controllers = Some([text(controller)].into());
    let grant = grant.expect("granted");
    let approved = supply::approve(&house.service, grant, name, signed, false, controllers);
    approved.await.expect("approved")
}

pub(super) async fn found_another(house: &House) -> StudyId {
    let grant = house
        .admit::<acts::CreateStudy>(&house.staff.lead, ())
        .await;
    let new = NewStudy {
        name: text("Reoffending"),
        controller: text("Another department"),
        lawful_basis: LawfulBasis::PublicTask,
        withdraw_within: "30d".parse().expect("a window"),
        retain: "2y after session".parse().expect("a rule"),
    };
    let founded = study::found(&house.service, grant.expect("granted"), new).await;
    founded.expect("founded")
}

/// R36: there is no purpose but research and what serves it, and no way to ask for another.
#[test]
fn r36_there_is_no_path_for_anything_but_research() {
    for wish in [
        "marketing",
        "sale",
        "operations",
        "case-work",
        "advertising",
        "profiling",
    ] {
        let refused = wish.parse::<Purpose>().expect_err("refused");
        let refused = refused.to_string();
        for purpose in ["research", "transcription", "translation", "analysis"] {
            assert!(refused.contains(purpose), "{refused}");
        }
        assert!(!ROUTES.iter().any(|(_, path)| path.contains(wish)));
    }
    let described = serde_json::to_string(&document()).expect("json");
    for word in ["marketing", "advert", "operational", "resale"] {
        assert!(!described.to_lowercase().contains(word), "{word}");
    }
    // What everybody accepts says so too.
    assert!(TERMS.contains("not for sale"));
}
