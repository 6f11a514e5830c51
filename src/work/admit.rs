//! At the door: who asks, may they, and the record of it.

use std::sync::PoisonError;

use jiff::Timestamp;

use super::error::WorkError;
use super::service::Service;
use crate::access::{Act, Caller, Denial, Grant, authenticate};
use crate::model::{Actor, Event};

/// Strangers refused since they were last recorded: counted, because anybody can be a stranger as
/// often as they like and the journal is for ever.
#[derive(Debug, Default)]
pub(crate) struct Strangers {
    count: u64,
    recorded: Option<Timestamp>,
}

/// How long strangers are counted before they are recorded, in seconds.
const STRANGERS_RECORDED_EVERY: i64 = 60;

impl Service {
    /// Who shows this token.
    ///
    /// # Errors
    /// [`WorkError::Stranger`], one and the same whatever is wrong with it.
    pub fn authenticate(&self, bearer: &str) -> Result<Caller, WorkError> {
        let view = self.vault().view()?;
        authenticate(view.reader(), bearer, self.now()).map_err(|stranger| {
            drop(view);
            self.count_stranger();
            stranger.into()
        })
    }

    /// Decides whether `caller` may do `A` to `on`. A refusal is recorded.
    ///
    /// # Errors
    /// [`WorkError::NoSuchThing`] or [`WorkError::Refused`].
    pub async fn admit<A: Act>(
        &self,
        caller: &Caller,
        on: A::Resource,
    ) -> Result<Grant<A>, WorkError> {
        match self.decide::<A>(caller, &on) {
            Ok(grant) => Ok(grant),
            Err(Denial::Index(error)) => Err(error.into()),
            Err(denial) => {
                let refused = Event::Refused {
                    action: A::ACTION,
                    resource: A::name(&on),
                };
                self.note(Actor::Person(caller.person().id), refused)
                    .await?;
                Err(denial.into())
            }
        }
    }

    /// Decides as [`admit`](Self::admit) does, and records the access before it returns, so that
    /// nothing is seen that is not on record (R45).
    ///
    /// # Errors
    /// As [`admit`](Self::admit); and when the record cannot be written, nothing is seen.
    pub async fn admit_reading<A: Act>(
        &self,
        caller: &Caller,
        on: A::Resource,
    ) -> Result<Grant<A>, WorkError> {
        let resource = A::name(&on);
        let grant = self.admit::<A>(caller, on).await?;
        let accessed = Event::Accessed {
            action: A::ACTION,
            resource,
            detail: None,
        };
        self.note(Actor::Person(caller.person().id), accessed)
            .await?;
        Ok(grant)
    }

    /// Records that something happened.
    pub(super) async fn note(&self, by: Actor, event: Event) -> Result<(), WorkError> {
        self.vault().commit(by, |_| Ok((event, ()))).await
    }

    /// Whether `caller` may do `A` to `on`, without a record of it; for filtering lists.
    pub(super) fn decide<A: Act>(
        &self,
        caller: &Caller,
        on: &A::Resource,
    ) -> Result<Grant<A>, Denial> {
        let view = self.vault().view().map_err(|_| Denial::NoSuchThing)?;
        self.gatekeeper()
            .decide::<A>(view.reader(), caller, on.clone(), self.now())
    }

    /// Whether `caller` may ask for anything of the kind of `A` at all. Lists ask this before they look
    /// anything up, so that to whom nothing is said, the time it takes says nothing either (R14).
    ///
    /// # Errors
    /// Those of the policies.
    pub(super) fn lets_in<A: Act>(&self, caller: &Caller) -> Result<bool, WorkError> {
        Ok(self.gatekeeper().lets_in::<A>(caller, self.now())?)
    }

    /// Whether a grant would still be given.
    pub(super) fn still<A: Act>(&self, grant: &Grant<A>) -> Result<(), WorkError> {
        let view = self.vault().view()?;
        let still = self
            .gatekeeper()
            .still::<A>(view.reader(), grant, self.now());
        Ok(still?)
    }

    fn count_stranger(&self) {
        let now = self.now();
        let mut strangers = self
            .strangers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        strangers.count += 1;
        let due = strangers.recorded.is_none_or(|recorded| {
            now.duration_since(recorded).as_secs() >= STRANGERS_RECORDED_EVERY
        });
        if due {
            let count = std::mem::take(&mut strangers.count);
            strangers.recorded = Some(now);
            drop(strangers);
            let event = Event::StrangersRefused { count };
            if let Err(error) = self
                .vault()
                .commit_blocking(Actor::Stranger, |_| Ok::<_, WorkError>((event, ())))
            {
                tracing::error!(%error, "refused strangers could not be recorded");
            }
        }
    }
}
