//! How a participant's data were used: who did what, when, from the audit (R17).
//!
//! People are told by what they are and for whom they work, not by name: a participant is owed who
//! uses their data and what for, and a researcher's name is the researcher's own data. What belongs
//! to a disclosure is left out, since telling of one can bring about the harm it is to prevent.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::id::PersonId;
use crate::index::tables;
use crate::limits::{BUNDLE_USE_RECORDS, BUNDLE_USE_ROWS};
use crate::model::{Action, Actor, Entry, Event};
use crate::work::error::WorkError;
use crate::work::service::Service;

/// A walk over the journal, a bounded stretch at a time.
#[derive(Debug)]
pub(super) struct Usage {
    named: HashSet<String>,
    study: String,
    at: u64,
    end: u64,
    rows: Vec<Value>,
    people: HashMap<PersonId, Value>,
}

impl Usage {
    /// A walk over what is in the journal now, for what it says of `named`.
    pub(super) fn over(service: &Service, study: String, named: Vec<String>) -> Self {
        Self {
            named: named.into_iter().collect(),
            study,
            at: 0,
            end: service.vault().journal().size(),
            rows: Vec::new(),
            people: HashMap::new(),
        }
    }

    /// Whether there is nothing more to come.
    pub(super) fn is_over(&self) -> bool {
        self.at >= self.end && self.rows.is_empty()
    }

    /// Looks through the next stretch, off the threads that serve, and gives a page of rows as JSON
    /// when one is full or the journal ends.
    pub(super) async fn next(
        mut self,
        service: &Arc<Service>,
    ) -> Result<(Self, Option<Vec<u8>>), WorkError> {
        let service = Arc::clone(service);
        let looked = tokio::task::spawn_blocking(move || {
            self.look(&service)?;
            let page = self.page()?;
            Ok::<_, WorkError>((self, page))
        });
        looked
            .await
            .map_err(|error| WorkError::Internal(error.to_string()))?
    }

    fn look(&mut self, service: &Service) -> Result<(), WorkError> {
        let to = self.at.saturating_add(BUNDLE_USE_RECORDS).min(self.end);
        let mut found = Vec::new();
        service.vault().entries(self.at, to, |_, entry| {
            let of = self.of(&entry)?;
            if !of.is_empty() {
                found.push((entry, of));
            }
            Ok::<_, WorkError>(())
        })?;
        self.at = to;
        for (entry, of) in found {
            let (what, refused) = match &entry.event {
                Event::Accessed { action, .. } => (action.name(), false),
                Event::Refused { action, .. } => (action.name(), true),
                event => (event.name(), false),
            };
            let by = self.who(service, entry.by)?;
            self.rows.push(json!({
                "at": entry.at,
                "what": what,
                "refused": refused,
                "of": of,
                "by": by,
            }));
        }
        Ok(())
    }

    /// What of the participant's an entry speaks of.
    fn of(&self, entry: &Entry) -> Result<Vec<String>, WorkError> {
        match &entry.event {
            Event::DisclosureRaised { .. } | Event::DisclosureDecided { .. } => Ok(Vec::new()),
            Event::Accessed {
                action, resource, ..
            }
            | Event::Refused {
                action, resource, ..
            } => {
                let told = !matches!(
                    action,
                    Action::RaiseDisclosure
                        | Action::ReadDisclosure
                        | Action::DecideDisclosure
                        | Action::FetchDisclosure
                );
                // Looking for somebody by name opens the details of everybody in the study.
                let all = *action == Action::FindParticipant && *resource == self.study;
                let theirs = told && (all || self.named.contains(resource));
                Ok(theirs.then(|| resource.clone()).into_iter().collect())
            }
            event => {
                let event = serde_json::to_value(event)
                    .map_err(|error| WorkError::Internal(error.to_string()))?;
                let mut of = Vec::new();
                self.mentions(&event, &mut of);
                Ok(of)
            }
        }
    }

    fn mentions(&self, value: &Value, of: &mut Vec<String>) {
        match value {
            Value::String(text) if self.named.contains(text) && !of.contains(text) => {
                of.push(text.clone());
            }
            Value::Array(values) => values.iter().for_each(|value| self.mentions(value, of)),
            Value::Object(values) => values.values().for_each(|value| self.mentions(value, of)),
            _ => {}
        }
    }

    fn who(&mut self, service: &Service, actor: Actor) -> Result<Value, WorkError> {
        let Actor::Person(id) = actor else {
            return Ok(json!({ "role": "the gateway", "organisation": null }));
        };
        if let Some(known) = self.people.get(&id) {
            return Ok(known.clone());
        }
        let view = service.vault().view()?;
        let reader = view.reader();
        let person = reader.get(&tables::PEOPLE, &id)?;
        let supplier = match person.as_ref().and_then(|person| person.supplier) {
            Some(supplier) => reader.get(&tables::SUPPLIERS, &supplier)?,
            None => None,
        };
        let who = json!({
            "role": person.map(|person| person.role),
            "organisation": supplier.map(|supplier| supplier.name),
        });
        self.people.insert(id, who.clone());
        Ok(who)
    }

    fn page(&mut self) -> Result<Option<Vec<u8>>, WorkError> {
        let ended = self.at >= self.end;
        if self.rows.is_empty() || (self.rows.len() < BUNDLE_USE_ROWS && !ended) {
            return Ok(None);
        }
        let page = serde_json::to_vec_pretty(&std::mem::take(&mut self.rows))
            .map_err(|error| WorkError::Internal(error.to_string()))?;
        Ok(Some(page))
    }
}
