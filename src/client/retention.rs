//! Asking what is due, and having it destroyed.

use jiff::civil::Date;
use reqwest::Method;

use super::connect::Client;
use super::error::ClientError;
use crate::id::StudyId;
use crate::model::StudyMoment;
use crate::wire::{DuePage, MomentDate, MomentView, NewRetentionRun, RetentionRun};

impl Client {
    /// Everything that is due by a day, today unless one is given, in one study or in all.
    ///
    /// # Errors
    /// [`ClientError::Problem`] as the gateway says, and failures of the connection.
    pub async fn due(
        &self,
        study: Option<StudyId>,
        on: Option<Date>,
    ) -> Result<DuePage, ClientError> {
        let mut asked = Vec::new();
        asked.extend(study.map(|study| ("study", study.to_string())));
        asked.extend(on.map(|on| ("on", on.to_string())));
        let mut whole: Option<DuePage> = None;
        loop {
            let mut query = asked.clone();
            query.extend(
                whole
                    .as_mut()
                    .and_then(|whole| whole.next.take())
                    .map(|next| ("after", next)),
            );
            let request = self.request(Method::GET, "/retention").query(&query);
            let page: DuePage = self.read(request).await?;
            let whole = match &mut whole {
                None => whole.insert(page),
                Some(whole) => {
                    whole.due.extend(page.due);
                    whole.next = page.next;
                    whole
                }
            };
            if whole.next.is_none() {
                return Ok(whole.clone());
            }
        }
    }

    /// Destroys what is due.
    ///
    /// # Errors
    /// [`ClientError::Problem`] as the gateway says, and failures of the connection.
    pub async fn run_retention(&self, run: &NewRetentionRun) -> Result<RetentionRun, ClientError> {
        self.post("/retention/runs", run).await
    }

    /// Dates a moment of a study.
    ///
    /// # Errors
    /// [`ClientError::Problem`] as the gateway says, and failures of the connection.
    pub async fn date_moment(
        &self,
        study: StudyId,
        moment: StudyMoment,
        on: &MomentDate,
    ) -> Result<MomentView, ClientError> {
        let path = format!("/studies/{study}/moments/{moment}");
        self.read(self.request(Method::PUT, &path).json(on)).await
    }
}
