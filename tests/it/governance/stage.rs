//! A real gateway whose clock is moved, and the people of a story, who speak to it over HTTP.

use std::sync::Arc;

use http::{Method, StatusCode};
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use strongroom::clock::ManualClock;
use strongroom::index::tables;
use strongroom::model::{Actor, Event};
use strongroom::work::WorkError;

use crate::support::gateway::{Answer, House, Person, on_loopback, text};

/// A gateway on the day a story begins, and its first administrator.
pub(crate) struct Stage {
    pub(crate) house: House,
    clock: Arc<ManualClock>,
    pub(crate) admin: Person,
}

impl Stage {
    /// A story that begins at noon on that day.
    pub(crate) async fn on(day: &str) -> Self {
        let clock = Arc::new(ManualClock::at(noon(day)));
        let house = House::open_with(on_loopback(), clock.clone()).await;
        let admin = house.admin().await;
        Self {
            house,
            clock,
            admin,
        }
    }

    /// Somebody new in the organisation.
    pub(crate) async fn hire(&self, role: &str) -> Person {
        self.house.invite(&self.admin, role, None).await
    }

    /// It is noon on a later day; everybody has logged in again.
    pub(crate) async fn move_to(&self, day: &str) {
        let noon = noon(day);
        self.clock.set(noon);
        let vault = self.house.service.vault();
        let tokens = {
            let view = vault.view().expect("the index runs");
            let rows = view.reader().page(&tables::TOKENS, &(), None, usize::MAX);
            rows.expect("the index runs")
        };
        for (_, mut token) in tokens {
            token.expires = noon + SignedDuration::from_hours(12);
            let issued = Event::TokenIssued { token };
            let noted = vault.commit(Actor::Gateway, |_| Ok::<_, WorkError>((issued, ())));
            noted.await.expect("noted");
        }
    }

    /// The day it is.
    pub(crate) fn today(&self) -> Date {
        self.house.service.today()
    }
}

fn noon(day: &str) -> Timestamp {
    format!("{day}T12:00:00Z").parse().expect("a moment")
}

/// What somebody gets for a request with a body.
pub(crate) async fn send(who: &Person, method: Method, path: &str, body: &Value) -> Answer {
    let response = who.ask(method, path).json(body).send().await;
    Answer::of(response.expect("answered")).await
}

/// That a request with a body is done.
pub(crate) async fn done(who: &Person, method: Method, path: &str, body: &Value) -> Value {
    let asked = format!("{method} {path}");
    let answer = send(who, method, path, body).await;
    assert!(answer.status.is_success(), "{asked}: {}", told(&answer));
    serde_json::from_slice(&answer.body).unwrap_or(Value::Null)
}

/// Why a request with a body is not done, which must be told with this status.
pub(crate) async fn refused(
    who: &Person,
    method: Method,
    path: &str,
    body: &Value,
    status: u16,
) -> String {
    let asked = format!("{method} {path}");
    let answer = send(who, method, path, body).await;
    let expected = StatusCode::from_u16(status).expect("a status");
    assert_eq!(answer.status, expected, "{asked}: {}", told(&answer));
    text(&answer.problem(), "detail")
}

/// That a sentence has every one of some words in it.
pub(crate) fn says(sentence: &str, words: &[&str]) {
    for word in words {
        assert!(sentence.contains(word), "{word:?} is not in: {sentence}");
    }
}

fn told(answer: &Answer) -> String {
    format!(
        "{} {}",
        answer.status,
        String::from_utf8_lossy(&answer.body)
    )
}

/// A bare study of somebody's.
pub(crate) async fn found(lead: &Person, more: &Value) -> String {
    let mut study = json!({
        "name": "Support for victims", "controller": "Ministry of Justice",
        "lawful_basis": "public-task", "withdraw_within": "30d", "retain": "2y after session",
    });
    for (term, value) in more.as_object().into_iter().flatten() {
        study[term] = value.clone();
    }
    text(&lead.post("/v1/studies", &study).await, "id")
}

/// Somebody who takes part and permits these things.
pub(crate) async fn takes_part(lead: &Person, study: &str, permit: &[&str]) -> String {
    let path = format!("/v1/studies/{study}/participants");
    let added = lead.post(&path, &json!({ "permit": permit })).await;
    text(&added, "id")
}

/// An interview held that day.
pub(crate) async fn interview(lead: &Person, study: &str, on: Date, who: &[&str]) -> String {
    let path = format!("/v1/studies/{study}/sessions");
    let kind = if who.len() > 1 {
        "focus-group"
    } else {
        "interview"
    };
    let session = json!({ "kind": kind, "date": on, "participants": who });
    text(&lead.post(&path, &session).await, "id")
}

/// What somebody gets who opens an item.
pub(crate) async fn opens(who: &Person, item: &str) -> Answer {
    let path = format!("/v1/items/{item}/content");
    who.answer(Method::GET, &path).await
}
