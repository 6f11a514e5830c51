//! Every route there is.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodFilter, on};

use super::guard::{guard, override_method};
use super::problem::{no_such_method, no_such_route};
use super::state::Shared;
use super::{
    account, disclosures, downloads, erasures, items, participants, people, releases, requests,
    retention, reviews, studies, suppliers, terms, uploads, vault,
};

macro_rules! routes {
    ($($method:ident $path:literal => $handler:path;)+) => {
        /// Every route: its method, and its path with names for what varies.
        pub const ROUTES: &[(&str, &str)] = &[$((stringify!($method), $path),)+];

        fn routes() -> Router<Arc<Shared>> {
            Router::new()$(.route($path, on(MethodFilter::$method, $handler)))+
        }
    };
}

routes! {
    GET     "/v1/health"                                => vault::health;
    GET     "/v1/openapi.json"                          => vault::description;
    GET     "/v1/vault"                                 => vault::show;
    GET     "/v1/vault/key"                             => vault::key;

    POST    "/v1/enrolments"                            => people::enrol;
    POST    "/v1/challenges"                            => people::challenge;
    POST    "/v1/tokens"                                => people::renew;
    DELETE  "/v1/tokens/current"                        => people::leave;
    GET     "/v1/me"                                    => people::me;
    PATCH   "/v1/me"                                    => account::correct;
    POST    "/v1/me/terms"                              => account::accept_terms;
    GET     "/v1/me/export"                             => account::export;
    GET     "/v1/terms"                                 => account::terms;
    GET     "/v1/people"                                => people::list;
    POST    "/v1/people"                                => people::invite;
    POST    "/v1/people/{person}/invitations"           => people::reinvite;
    PUT     "/v1/people/{person}/suspension"            => people::suspend;
    PATCH   "/v1/people/{person}"                       => people::amend;
    PUT     "/v1/people/{person}/revocation"            => people::revoke;

    GET     "/v1/studies"                               => studies::list;
    POST    "/v1/studies"                               => terms::found;
    GET     "/v1/studies/{study}"                       => studies::show;
    PATCH   "/v1/studies/{study}"                       => terms::amend;
    POST    "/v1/studies/{study}/approval"              => terms::approve;
    GET     "/v1/studies/{study}/notices"               => terms::notices;
    POST    "/v1/studies/{study}/notices"               => terms::add_notice;
    GET     "/v1/studies/{study}/notices/{version}/affected" => terms::affected;
    GET     "/v1/studies/{study}/members"               => studies::members;
    POST    "/v1/studies/{study}/members"               => studies::admit;
    DELETE  "/v1/studies/{study}/members/{person}"      => studies::end_membership;
    POST    "/v1/studies/{study}/closure"               => studies::close;
    GET     "/v1/studies/{study}/participants"          => participants::list;
    POST    "/v1/studies/{study}/participants"          => participants::add;
    POST    "/v1/studies/{study}/participants/search"   => participants::find;
    GET     "/v1/studies/{study}/sessions"              => studies::sessions;
    POST    "/v1/studies/{study}/sessions"              => studies::add_session;

    OPTIONS "/v1/uploads"                               => uploads::options;
    POST    "/v1/uploads"                               => uploads::create;
    HEAD    "/v1/uploads/{upload}"                      => uploads::show;
    PATCH   "/v1/uploads/{upload}"                      => uploads::append;
    DELETE  "/v1/uploads/{upload}"                      => uploads::abandon;

    GET     "/v1/items"                                 => items::list;
    GET     "/v1/items/{item}"                          => items::show;
    GET     "/v1/items/{item}/content"                  => downloads::content;
    HEAD    "/v1/items/{item}/content"                  => downloads::describe;
    GET     "/v1/items/{item}/sealed"                   => downloads::sealed;
    GET     "/v1/items/{item}/original"                 => downloads::original;
    POST    "/v1/items/{item}/redaction-waiver"         => items::waive_redaction;
    POST    "/v1/items/{item}/check"                    => items::check;
    POST    "/v1/items/{item}/acceptance"               => items::accept;

    POST    "/v1/items/{item}/assignments"              => suppliers::assign;
    GET     "/v1/assignments"                           => suppliers::assignments;
    DELETE  "/v1/assignments/{assignment}"              => suppliers::end_assignment;
    POST    "/v1/assignments/{assignment}/return"       => suppliers::send_back;
    POST    "/v1/assignments/{assignment}/destruction"  => suppliers::confirm_destroyed;
    GET     "/v1/suppliers"                             => suppliers::suppliers;
    POST    "/v1/suppliers"                             => suppliers::approve_supplier;
    DELETE  "/v1/suppliers/{supplier}"                  => suppliers::remove_supplier;

    POST    "/v1/items/{item}/releases"                 => releases::request;
    GET     "/v1/releases"                              => releases::list;
    GET     "/v1/releases/{release}"                    => releases::show;
    POST    "/v1/releases/{release}/decision"           => releases::decide;
    GET     "/v1/releases/{release}/content"            => releases::content;

    GET     "/v1/participants/{participant}"            => participants::show;
    PATCH   "/v1/participants/{participant}/contact"    => participants::correct;
    GET     "/v1/participants/{participant}/consents"   => participants::consents;
    POST    "/v1/participants/{participant}/consents"   => participants::consent;
    POST    "/v1/participants/{participant}/withdrawal" => participants::withdraw;
    GET     "/v1/erasures"                              => erasures::list;
    GET     "/v1/erasures/{erasure}"                    => erasures::show;
    POST    "/v1/erasures/{erasure}/approval"           => erasures::approve;
    POST    "/v1/erasures/{erasure}/refusal"            => erasures::refuse;
    GET     "/v1/erasures/{erasure}/letter"             => erasures::letter;
    GET     "/v1/erasures/{erasure}/certificate"        => erasures::certificate;

    GET     "/v1/retention"                             => retention::due;
    POST    "/v1/retention/runs"                        => retention::run;
    PUT     "/v1/studies/{study}/moments/{moment}"      => retention::date_moment;

    POST    "/v1/studies/{study}/requests"              => requests::open;
    GET     "/v1/requests"                              => requests::list;
    GET     "/v1/requests/{request}"                    => requests::show;
    POST    "/v1/requests/{request}/pause"              => requests::pause;
    POST    "/v1/requests/{request}/resumption"         => requests::resume;
    POST    "/v1/requests/{request}/answer"             => requests::answer;
    POST    "/v1/requests/{request}/refusal"            => requests::refuse;
    GET     "/v1/requests/{request}/bundle"             => requests::bundle;
    PUT     "/v1/participants/{participant}/restriction" => requests::restrict;

    POST    "/v1/studies/{study}/disclosures"           => disclosures::raise;
    GET     "/v1/disclosures"                           => disclosures::list;
    GET     "/v1/disclosures/{disclosure}"              => disclosures::show;
    POST    "/v1/disclosures/{disclosure}/decision"     => disclosures::decide;
    GET     "/v1/disclosures/{disclosure}/items/{item}" => disclosures::fetch;
    GET     "/v1/reviews/access"                        => reviews::access;
    GET     "/v1/reviews/summary"                       => reviews::summary;
    GET     "/v1/reviews/usage"                         => reviews::usage;
    GET     "/v1/reviews/people"                        => reviews::people;

    GET     "/v1/audit"                                 => vault::audit;
    GET     "/v1/audit/verification"                    => vault::verification;
    POST    "/v1/audit/controls"                        => vault::controls;
}

/// The routes, guarded.
pub(super) fn router(shared: Arc<Shared>) -> Router {
    let guarded = routes()
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_method)
        // Bodies are bounded where they are read: JSON by its extractor, uploads by their length.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(Arc::clone(&shared), guard))
        .with_state(shared);
    // The method is put right before a route is looked for.
    Router::new()
        .fallback_service(guarded)
        .layer(from_fn(override_method))
}
