//! Every route: who may knock, what surrounds every answer, and how a mistake is told.

use http::header::{ALLOW, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Method, StatusCode};
use serde_json::json;
use strongroom::entropy::SystemEntropy;
use strongroom::gateway::{ROUTES, document};
use strongroom::id;

use crate::support::gateway::{Answer, House, Study};

/// Routes that answer anybody.
const OPEN: [(&str, &str); 7] = [
    ("GET", "/v1/health"),
    ("GET", "/v1/openapi.json"),
    ("GET", "/v1/vault/key"),
    ("POST", "/v1/enrolments"),
    ("POST", "/v1/challenges"),
    ("POST", "/v1/tokens"),
    ("OPTIONS", "/v1/uploads"),
];

/// A path with fresh identifiers of the right kinds in it.
fn filled(path: &str) -> String {
    let entropy = SystemEntropy::new();
    let mut path = path.to_owned();
    macro_rules! fill {
        ($($name:literal => $id:ident),+) => {$(
            if path.contains($name) {
                let fresh = id::$id::random(&entropy).expect("entropy").to_string();
                path = path.replace($name, &fresh);
            }
        )+};
    }
    fill!(
        "{study}" => StudyId, "{person}" => PersonId, "{participant}" => ParticipantId,
        "{item}" => ItemId, "{upload}" => UploadId, "{assignment}" => AssignmentId,
        "{erasure}" => ErasureId, "{supplier}" => SupplierId, "{release}" => ReleaseId,
        "{request}" => RequestId, "{disclosure}" => DisclosureId
    );
    path = path.replace("{moment}", "publication");
    path = path.replace("{version}", "1");
    assert!(!path.contains('{'), "{path} has a part that is not filled");
    path
}

fn method(name: &str) -> Method {
    name.parse().expect("a method")
}

fn assert_surrounded(answer: &Answer) {
    for (header, value) in [
        ("x-content-type-options", "nosniff"),
        ("cache-control", "no-store"),
        (
            "content-security-policy",
            "default-src 'none'; frame-ancestors 'none'",
        ),
        ("referrer-policy", "no-referrer"),
    ] {
        assert_eq!(answer.header(header), Some(value), "{answer:?}");
    }
    assert_eq!(answer.header("strict-transport-security"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn r47_every_route_asks_who_is_there() {
    let house = House::open().await;
    for (verb, path) in ROUTES.iter().filter(|route| !OPEN.contains(route)) {
        let response = house.ask(method(verb), &filled(path)).send().await;
        let response = response.expect("answered");
        assert_eq!(
            response.headers()[WWW_AUTHENTICATE],
            "Bearer",
            "{verb} {path}"
        );
        assert!(response.headers().contains_key("x-request-id"));
        let answer = Answer::of(response).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{verb} {path}");
        assert_surrounded(&answer);
        if *verb != "HEAD" {
            assert_eq!(answer.problem()["type"], "urn:strongroom:not-enrolled");
        }
    }
    for (verb, path) in OPEN {
        let answer = house
            .ask(method(verb), path)
            .send()
            .await
            .expect("answered");
        assert_ne!(answer.status(), StatusCode::UNAUTHORIZED, "{verb} {path}");
        assert_surrounded(&Answer::of(answer).await);
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_do_not_work_are_all_told_the_same() {
    let house = House::open().await;
    let admin = house.admin().await;
    let gone = house.invite(&admin, "researcher", None).await;
    assert_eq!(
        gone.answer(Method::DELETE, "/v1/tokens/current")
            .await
            .status,
        204
    );
    let suspended = house.invite(&admin, "researcher", None).await;
    let path = format!("/v1/people/{}/suspension", suspended.id);
    let suspend = admin
        .ask(Method::PUT, &path)
        .json(&json!({ "suspended": true }));
    assert_eq!(suspend.send().await.expect("answered").status(), 204);

    let unasked = house
        .ask(Method::GET, "/v1/me")
        .send()
        .await
        .expect("answered");
    let unasked = Answer::of(unasked).await;
    assert_eq!(unasked.problem()["type"], "urn:strongroom:not-enrolled");
    let mut last = admin.token.clone();
    last.pop();
    for token in [&gone.token, &suspended.token, &last, "x", ""] {
        let asked = house.ask(Method::GET, "/v1/me");
        let asked = asked.header(AUTHORIZATION, format!("Bearer {token}"));
        let answer = Answer::of(asked.send().await.expect("answered")).await;
        assert_eq!(answer, unasked);
    }
    let in_the_query = format!("/v1/me?token={}", admin.token);
    let answer = house.ask(Method::GET, &in_the_query).send().await;
    assert_eq!(Answer::of(answer.expect("answered")).await, unasked);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_tries_tokens_or_codes_has_to_wait() {
    let house = House::open().await;
    let admin = house.admin().await;
    let knock = async || {
        let asked = house.ask(Method::GET, "/v1/me");
        let asked = asked.header(AUTHORIZATION, "Bearer nonsense");
        asked.send().await.expect("answered")
    };
    let mut statuses = Vec::new();
    for _ in 0..30 {
        statuses.push(knock().await.status().as_u16());
    }
    assert_eq!(statuses[..10], [401; 10]);
    assert_eq!(statuses[29], 429);
    let told = knock().await;
    let wait: u64 = told.headers()[RETRY_AFTER]
        .to_str()
        .expect("text")
        .parse()
        .expect("seconds");
    assert!((1..60).contains(&wait));
    assert_eq!(
        Answer::of(told).await.problem()["type"],
        "urn:strongroom:too-many"
    );
    // A token that works is not kept waiting for what others at that address do.
    assert_eq!(admin.answer(Method::GET, "/v1/me").await.status, 200);
    let code = house
        .ask(Method::POST, "/v1/enrolments")
        .json(&json!({ "code": "nonsense" }));
    assert_eq!(code.send().await.expect("answered").status(), 429);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_told_as_problems_that_say_what_to_do() {
    let house = House::open().await;
    let admin = house.admin().await;
    for (verb, path, status) in [
        ("GET", "/", 404),
        ("GET", "/v2/health", 404),
        ("GET", "/v1/nothing", 404),
        ("GET", "/v1/health/", 404),
        ("GET", "/v1/../v1/secret", 404),
        ("PUT", "/v1/health", 405),
        ("TRACE", "/v1/me", 405),
        ("PATCH", "/v1/studies", 405),
        ("HEAD", "/v1/items/itm-000000000000000N0/sealed", 400),
        ("GET", "/v1/items/itm-0000000000000001Z", 400),
        ("GET", "/v1/items/stu-00000000000000000", 400),
        ("GET", "/v1/items/x", 400),
        ("GET", "/v1/items/%FF", 400),
        ("GET", "/v1/items?limit=0", 422),
        ("GET", "/v1/items?limit=1001", 422),
        ("GET", "/v1/items?limit=x", 400),
        ("GET", "/v1/items?sutdy=x", 400),
        ("GET", "/v1/items?after=itm-0000000000000001Z", 400),
    ] {
        let answer = admin.answer(method(verb), path).await;
        assert_eq!(answer.status, status, "{verb} {path}: {answer:?}");
        assert_surrounded(&answer);
        if verb != "HEAD" {
            answer.problem();
        }
    }
    let allowed = admin
        .ask(Method::PATCH, "/v1/studies")
        .send()
        .await
        .expect("answered");
    let allowed = allowed.headers()[ALLOW].to_str().expect("text").to_owned();
    assert!(
        allowed.contains("GET") && allowed.contains("POST"),
        "{allowed}"
    );
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_checked_at_the_door() {
    let house = House::open().await;
    let admin = house.admin().await;
    let long = format!("{{\"name\": \"{}\"}}", "x".repeat(2 * 1024 * 1024));
    for (media, body, status) in [
        ("application/json", "{", 400),
        ("application/json", "", 400),
        ("application/json", "{}", 422),
        (
            "application/json",
            "{\"name\": \"A\", \"role\": \"king\"}",
            422,
        ),
        (
            "application/json",
            "{\"name\": \"A\", \"role\": \"auditor\", \"rol\": 1}",
            422,
        ),
        (
            "application/json",
            "{\"name\": \"a\\u202eb\", \"role\": \"auditor\"}",
            422,
        ),
        ("text/plain", "{}", 415),
        ("application/json", &long, 413),
        (
            "application/json; charset=utf-8",
            "{\"name\": \"A\", \"role\": \"auditor\"}",
            201,
        ),
    ] {
        let asked = admin
            .ask(Method::POST, "/v1/people")
            .header(CONTENT_TYPE, media);
        let answer = asked.body(body.to_owned()).send().await.expect("answered");
        assert_eq!(answer.status(), status, "{media} {:.60}", body);
        if status != 201 {
            Answer::of(answer).await.problem();
        }
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_study_is_run_over_http() {
    let house = House::open().await;
    let admin = house.admin().await;
    let study = Study::found(&house, &admin).await;
    let me = study.researcher.get("/v1/me").await;
    assert_eq!(me["id"], study.researcher.id.as_str());
    assert_eq!(me["studies"][0]["study"], study.id.as_str());
    let shown = study.lead.get(&format!("/v1/studies/{}", study.id)).await;
    assert_eq!(shown["withdraw_within"], "30d after session");
    assert_eq!(study.lead.get("/v1/studies").await, json!([shown]));
    let members = study
        .lead
        .get(&format!("/v1/studies/{}/members", study.id))
        .await;
    assert_eq!(members.as_array().map(Vec::len), Some(2));
    let participants = study
        .lead
        .get(&format!("/v1/studies/{}/participants", study.id))
        .await;
    assert_eq!(participants[0]["id"], study.participant.as_str());
    assert_eq!(participants[0]["has_contact"], true);
    assert!(!participants.to_string().contains("sian"));
    let sessions = study
        .lead
        .get(&format!("/v1/studies/{}/sessions?limit=1", study.id))
        .await;
    assert_eq!(sessions[0]["id"], study.session.as_str());
    let path = format!("/v1/studies/{}/sessions?after={}", study.id, study.session);
    assert_eq!(study.lead.get(&path).await, json!([]));
    let path = format!("/v1/studies/{}/members/{}", study.id, study.researcher.id);
    assert_eq!(study.lead.answer(Method::DELETE, &path).await.status, 204);
    assert_eq!(study.lead.answer(Method::DELETE, &path).await.status, 404);
    let path = format!("/v1/studies/{}/closure", study.id);
    assert_eq!(study.lead.answer(Method::POST, &path).await.status, 204);
    assert_eq!(
        study.lead.answer(Method::POST, &path).await.problem()["status"],
        409
    );
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r45_the_audit_is_read_in_pages_and_verifies() {
    let house = House::open().await;
    let admin = house.admin().await;
    let auditor = house.invite(&admin, "auditor", None).await;
    let refused = admin.answer(Method::GET, "/v1/audit").await;
    assert_eq!(refused.status, 403);
    let first = auditor.get("/v1/audit?limit=2").await;
    assert_eq!(first["entries"][0]["event"], "vault-created");
    assert_eq!(first["next"], 1);
    let second = auditor.get("/v1/audit?after=1").await;
    assert_eq!(second["entries"][0]["position"], 2);
    assert!(second.get("next").is_none());
    let events: Vec<_> = second["entries"]
        .as_array()
        .expect("entries")
        .iter()
        .collect();
    let seen = |event: &str| events.iter().any(|entry| entry["event"] == event);
    assert!(seen("refused") && seen("accessed") && seen("person-enrolled"));
    let verified = auditor.get("/v1/audit/verification").await;
    assert!(verified["records"].as_u64() > Some(4));
    assert!(
        verified["checkpoint"]
            .as_str()
            .is_some_and(|note| note.contains('\u{2014}'))
    );
    let key = house
        .ask(Method::GET, "/v1/vault/key")
        .send()
        .await
        .expect("answered");
    let key: serde_json::Value = key.json().await.expect("JSON");
    assert!(key["key"].as_str().is_some_and(|key| key.contains('+')));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_vault_is_shown_to_whoever_runs_it() {
    let house = House::open().await;
    let admin = house.admin().await;
    let vault = admin.get("/v1/vault").await;
    assert_eq!(vault["bucket"], "tapes");
    assert_eq!(vault["location"], "this machine");
    let researcher = house.invite(&admin, "researcher", None).await;
    assert_eq!(
        researcher.answer(Method::GET, "/v1/vault").await.status,
        403
    );
    let health = house
        .ask(Method::GET, "/v1/health")
        .send()
        .await
        .expect("answered");
    assert_eq!(health.text().await.expect("a body"), "{\"status\":\"ok\"}");
    house.close().await;
}

#[test]
fn every_route_is_described_and_nothing_else() {
    let document = serde_json::to_value(document()).expect("JSON");
    let mut described = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for verb in item.as_object().expect("an item").keys() {
            described.push((verb.to_uppercase(), path.clone()));
        }
    }
    let mut routes: Vec<_> = ROUTES
        .iter()
        .map(|(verb, path)| ((*verb).to_owned(), (*path).to_owned()))
        .collect();
    described.sort();
    routes.sort();
    assert_eq!(described, routes);
}

#[test]
fn every_operation_says_who_may_knock_and_what_goes_wrong() {
    let document = serde_json::to_value(document()).expect("JSON");
    assert_eq!(
        document["components"]["securitySchemes"]["token"]["scheme"],
        "bearer"
    );
    assert_eq!(document["security"], json!([{ "token": [] }]));
    let mut names = std::collections::BTreeSet::new();
    for (verb, path) in ROUTES {
        let operation = &document["paths"][path][verb.to_lowercase()];
        assert!(
            operation["summary"].as_str().is_some_and(|s| !s.is_empty()),
            "{verb} {path}"
        );
        assert!(
            names.insert(operation["operationId"].to_string()),
            "{verb} {path}"
        );
        let responses = operation["responses"].as_object().expect("responses");
        assert!(
            responses.keys().any(|status| status.starts_with('2')),
            "{verb} {path}"
        );
        assert!(responses.contains_key("500") && responses.contains_key("429"));
        let open = OPEN.contains(&(*verb, *path));
        assert_eq!(operation.get("security").is_some(), open, "{verb} {path}");
        assert_eq!(responses.contains_key("403"), !open, "{verb} {path}");
        for name in path
            .split('{')
            .skip(1)
            .filter_map(|rest| rest.split('}').next())
        {
            let parameters = operation["parameters"].as_array().expect("parameters");
            assert!(
                parameters
                    .iter()
                    .any(|p| p["name"] == name && p["in"] == "path"),
                "{verb} {path}"
            );
        }
    }
}

#[test]
fn every_reference_of_the_description_leads_somewhere() {
    let document = serde_json::to_value(document()).expect("JSON");
    let mut references = Vec::new();
    collect_references(&document, &mut references);
    assert!(references.len() > 50);
    for reference in references {
        let pointer = reference.strip_prefix('#').expect("within the document");
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

fn collect_references(value: &serde_json::Value, found: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(fields) => {
            for (name, field) in fields {
                match (name.as_str(), field.as_str()) {
                    ("$ref", Some(reference)) => found.push(reference.to_owned()),
                    _ => collect_references(field, found),
                }
            }
        }
        serde_json::Value::Array(items) => {
            items
                .iter()
                .for_each(|item| collect_references(item, found));
        }
        _ => {}
    }
}
