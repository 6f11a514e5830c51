//! Uploads and downloads under way: how many, how slow, and how they break off.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures::{Stream, StreamExt, TryStreamExt, stream};

use super::problem::{Failure, chain};
use super::state::Seal;
use crate::id::TokenId;
use crate::limits::{TRANSFERS_MAX, TRANSFERS_PER_TOKEN_MAX};
use crate::wire::ProblemKind;
use crate::work::WorkError;

/// The transfers under way, by token.
#[derive(Debug, Clone, Default)]
pub(super) struct Transfers(Arc<Mutex<Running>>);

#[derive(Debug, Default)]
struct Running {
    all: usize,
    by_token: HashMap<TokenId, usize>,
}

impl Transfers {
    /// Makes room for one more; it is taken until the permit is dropped.
    ///
    /// # Errors
    /// A [`Failure`] when there are too many.
    pub(super) fn begin(&self, token: TokenId) -> Result<Permit, Failure> {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = running.by_token.get(&token).copied().unwrap_or(0);
        let too_many = |what: String| Err(Failure::new(ProblemKind::TooMany, what));
        if own >= TRANSFERS_PER_TOKEN_MAX {
            return too_many(format!(
                "{own} transfers are under way with this token; let one finish and try again"
            ));
        }
        if running.all >= TRANSFERS_MAX {
            return too_many("too many transfers are under way; try again in a while".to_owned());
        }
        running.all += 1;
        running.by_token.insert(token, own + 1);
        Ok(Permit {
            transfers: self.clone(),
            token,
        })
    }
}

/// Room for one transfer.
#[derive(Debug)]
pub(super) struct Permit {
    transfers: Transfers,
    token: TokenId,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut running = self
            .transfers
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        running.all -= 1;
        if let Some(own) = running.by_token.get_mut(&self.token) {
            *own -= 1;
            if *own == 0 {
                running.by_token.remove(&self.token);
            }
        }
    }
}

/// Why a request's body ends before its time.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    /// Nothing came for too long.
    #[error("nothing came for {0:?}")]
    Stalled(Duration),
    /// The connection broke.
    #[error(transparent)]
    Connection(axum::Error),
    /// The vault was sealed meanwhile.
    #[error("the vault is sealed")]
    Sealed,
}

/// A request's body as it comes, given up when nothing comes for `stall` or the vault is sealed.
pub(super) fn incoming(
    body: Body,
    stall: Duration,
    seal: Seal,
) -> impl Stream<Item = Result<Bytes, Broken>> + Unpin + Send + 'static {
    let body = body.into_data_stream();
    let paced = stream::unfold(Some((body, seal)), move |flowing| async move {
        let (mut body, seal) = flowing?;
        if seal.reason().is_some() {
            return Some((Err(Broken::Sealed), None));
        }
        match tokio::time::timeout(stall, body.next()).await {
            Ok(Some(Ok(bytes))) => Some((Ok(bytes), Some((body, seal)))),
            Ok(Some(Err(error))) => Some((Err(Broken::Connection(error)), None)),
            Ok(None) => None,
            Err(_) => Some((Err(Broken::Stalled(stall)), None)),
        }
    });
    Box::pin(paced)
}

/// A response's body. An error in it, or the vault being sealed, breaks the connection off, so that
/// nobody takes a part for the whole; the log says why.
pub(super) fn outgoing(
    body: impl Stream<Item = Result<Bytes, WorkError>> + Send + 'static,
    permit: Permit,
    seal: Seal,
) -> Body {
    let span = tracing::Span::current();
    let watched = stream::try_unfold((Box::pin(body), permit), move |(mut body, permit)| {
        let (seal, span) = (seal.clone(), span.clone());
        async move {
            let next = match seal.reason() {
                Some(reason) => Err(WorkError::Internal(reason.to_owned())),
                None => body.try_next().await,
            };
            match next {
                Ok(Some(bytes)) => Ok(Some((bytes, (body, permit)))),
                Ok(None) => Ok(None),
                Err(error) => {
                    span.in_scope(|| {
                        tracing::warn!(cause = chain(&error), "a download was broken off")
                    });
                    Err(error)
                }
            }
        }
    });
    Body::from_stream(watched)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;

    fn token() -> TokenId {
        TokenId::random(&SystemEntropy::new()).expect("entropy")
    }

    #[test]
    fn transfers_are_counted_by_token_and_in_all() {
        let transfers = Transfers::default();
        let greedy = token();
        let mut permits: Vec<_> = (0..TRANSFERS_PER_TOKEN_MAX)
            .map(|_| transfers.begin(greedy).expect("room"))
            .collect();
        assert!(transfers.begin(greedy).is_err());
        while permits.len() < TRANSFERS_MAX {
            permits.push(transfers.begin(token()).expect("room"));
        }
        assert!(transfers.begin(token()).is_err());
        permits.clear();
        assert!(transfers.begin(greedy).is_ok());
        assert!(transfers.0.lock().expect("sound").by_token.is_empty());
    }

    #[tokio::test]
    async fn a_body_that_stands_still_is_given_up() {
        let silent = stream::once(async { Ok::<_, std::io::Error>(Bytes::from_static(b"some")) })
            .chain(stream::pending());
        let mut body = incoming(
            Body::from_stream(silent),
            Duration::from_millis(20),
            Seal::default(),
        );
        assert_eq!(body.next().await.expect("an item").expect("bytes"), "some");
        assert!(matches!(body.next().await, Some(Err(Broken::Stalled(_)))));
        assert!(body.next().await.is_none());
    }

    #[tokio::test]
    async fn a_sealed_vault_gives_out_nothing_more() {
        let seal = Seal::default();
        let permit = Transfers::default().begin(token()).expect("room");
        let endless = stream::repeat_with(|| Ok(Bytes::from_static(b"bytes")));
        let mut body = outgoing(endless, permit, seal.clone()).into_data_stream();
        assert!(body.next().await.expect("an item").is_ok());
        seal.close("the bucket moved".to_owned());
        assert!(body.next().await.expect("an item").is_err());
    }
}
