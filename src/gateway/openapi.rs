//! The API's description (OpenAPI 3.1), made from the routes' own code.

use std::sync::OnceLock;

use axum::body::Bytes;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, OpenApi as Document, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{Modify, OpenApi};

use super::{
    account, disclosures, downloads, erasures, items, participants, people, releases, requests,
    retention, reviews, studies, suppliers, terms, uploads, vault,
};
use crate::id::UploadId;
use crate::wire::{PROBLEM_MEDIA_TYPE, Problem, ProblemKind};

/// The name of the one security scheme.
const TOKEN: &str = "token";

/// The description of every route.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Strongroom",
        description = "A storage gateway for research recordings and transcripts. Uploads speak tus 1.0; errors are RFC 9457 problem details; an identifier that is unknown, erased or not for the caller gets one and the same answer.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    servers((url = "/")),
    security(("token" = [])),
    modifiers(&Tokens, &Names, &Problems),
    components(schemas(Problem, UploadId)),
    paths(
        vault::health, vault::description, vault::show, vault::key,
        people::enrol, people::challenge, people::renew, people::leave, people::me, people::list, people::invite, people::reinvite,
        people::suspend, people::amend, people::revoke,
        account::correct, account::accept_terms, account::export, account::terms,
        reviews::access, reviews::summary, reviews::usage, reviews::people,
        studies::list, terms::found, terms::amend, terms::approve, terms::notices, terms::add_notice,
        terms::affected, studies::show, studies::members, studies::admit,
        studies::end_membership, studies::close, participants::list, participants::add,
        participants::find, participants::show, participants::correct, participants::consents, participants::consent,
        studies::sessions, studies::add_session,
        uploads::options, uploads::create, uploads::show, uploads::append, uploads::abandon,
        items::list, items::show, downloads::content, downloads::describe, downloads::sealed,
        downloads::original, items::waive_redaction,
        items::check, items::accept, suppliers::assign, suppliers::assignments, suppliers::end_assignment,
        suppliers::send_back, suppliers::confirm_destroyed, suppliers::suppliers,
        suppliers::approve_supplier, suppliers::remove_supplier,
        releases::request, releases::list, releases::show, releases::decide, releases::content,
        participants::withdraw, erasures::list, erasures::show, erasures::approve, erasures::refuse,
        erasures::letter, erasures::certificate,
        retention::due, retention::run, retention::date_moment,
        requests::open, requests::list, requests::show, requests::pause, requests::resume,
        requests::answer, requests::refuse, requests::bundle, requests::restrict,
        disclosures::raise, disclosures::list, disclosures::show, disclosures::decide, disclosures::fetch,
        vault::audit, vault::verification, vault::controls,
    ),
)]
struct Description;

/// The description as a document.
pub fn document() -> Document {
    Description::openapi()
}

/// The description as JSON; written once.
///
/// # Errors
/// When it has no form in JSON.
pub(super) fn json() -> Result<Bytes, serde_json::Error> {
    static JSON: OnceLock<Bytes> = OnceLock::new();
    if let Some(json) = JSON.get() {
        return Ok(json.clone());
    }
    let json = Bytes::from(serde_json::to_vec(&document())?);
    Ok(JSON.get_or_init(|| json).clone())
}

/// The bearer token.
struct Tokens;

impl Modify for Tokens {
    fn modify(&self, document: &mut Document) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some(
                "The token that enrolment gave; it works for some hours.",
            ));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme(TOKEN, SecurityScheme::Http(scheme.build()));
    }
}

/// Names for the operations, each used once: the handler's, after the group it belongs to.
struct Names;

impl Modify for Names {
    fn modify(&self, document: &mut Document) {
        let operations = document.paths.paths.values_mut().flat_map(operations);
        for (_, operation) in operations {
            let group = operation.tags.iter().flatten().next();
            if let (Some(group), Some(name)) = (group, &operation.operation_id) {
                operation.operation_id = Some(format!("{group}_{name}"));
            }
        }
    }
}

/// The problems that routes have in common, so that each names only its own.
struct Problems;

impl Modify for Problems {
    fn modify(&self, document: &mut Document) {
        let components = document.components.get_or_insert_default();
        for kind in ProblemKind::ALL {
            components
                .responses
                .insert(name_of(*kind), problem(*kind).into());
        }
        for (path, item) in &mut document.paths.paths {
            for (changes, operation) in operations(item) {
                for kind in common_problems(path, changes, operation) {
                    let status = kind.status().to_string();
                    let told = RefOr::Ref(Ref::from_response_name(name_of(kind)));
                    let responses = &mut operation.responses.responses;
                    responses.entry(status).or_insert(told);
                }
            }
        }
    }
}

/// The operations of a path, and whether each changes anything.
fn operations(item: &mut PathItem) -> impl Iterator<Item = (bool, &mut Operation)> {
    let looking = [&mut item.get, &mut item.head, &mut item.options];
    let changing = [
        &mut item.post,
        &mut item.put,
        &mut item.patch,
        &mut item.delete,
    ];
    let looking = looking.into_iter().flatten().map(|one| (false, one));
    let changing = changing.into_iter().flatten().map(|one| (true, one));
    looking.chain(changing)
}

fn common_problems(path: &str, changes: bool, operation: &Operation) -> Vec<ProblemKind> {
    let mut kinds = vec![
        ProblemKind::TooMany,
        ProblemKind::Internal,
        ProblemKind::Unavailable,
        ProblemKind::Full,
    ];
    let open = operation.security.is_some();
    if !open {
        kinds.extend([ProblemKind::NotEnrolled, ProblemKind::Refused]);
    }
    if path.contains('{') || changes || operation.parameters.is_some() {
        kinds.push(ProblemKind::BadRequest);
    }
    if path.contains('{') {
        kinds.push(ProblemKind::NoSuchThing);
    }
    if changes && !open {
        kinds.push(ProblemKind::Conflict);
    }
    if operation.request_body.is_some() {
        kinds.extend([
            ProblemKind::TooLarge,
            ProblemKind::BadMedia,
            ProblemKind::Unacceptable,
        ]);
    }
    if open && operation.request_body.is_some() {
        kinds.push(ProblemKind::NotEnrolled);
    }
    kinds
}

fn name_of(kind: ProblemKind) -> String {
    format!("{kind:?}")
}

fn problem(kind: ProblemKind) -> Response {
    let content = Content::new(Some(RefOr::Ref(Ref::from_schema_name("Problem"))));
    ResponseBuilder::new()
        .description(kind.title())
        .content(PROBLEM_MEDIA_TYPE, content)
        .build()
}
