//! A study in words: everything that was promised, and what is missing.

use crate::cli::output::yes_no;
use crate::model::quota::bytes_in_words;
use crate::wire::StudyView;

/// Everything about a study, a line each; what it has none of is left out.
pub(super) fn describe(study: &StudyView) -> String {
    let mut lines = vec![format!("{} ({})", study.name, study.id)];
    let mut line = |what: &str, value: Option<String>| {
        lines.extend(value.map(|value| format!("{what}: {value}")));
    };
    line("controller", Some(study.controller.to_string()));
    line("processors", listed(&study.processors));
    line("lawful basis", Some(study.lawful_basis.to_string()));
    line(
        "privacy notice",
        study.notice.map(|version| format!("version {version}")),
    );
    for field in &study.fields {
        let mark = match field.category {
            crate::model::study::Category::Ordinary => String::new(),
            category => format!(" [{category}]"),
        };
        let sharing = field.sharing.as_ref();
        let sharing = sharing.map_or_else(String::new, |why| format!("; may be shared: {why}"));
        line(
            "field",
            Some(format!("{}{mark}: {}{sharing}", field.name, field.reason)),
        );
    }
    line("groups", listed(&study.groups));
    line("withdrawal", Some(study.withdraw_within.to_string()));
    line("kept", Some(study.retain.to_string()));
    for (moment, on) in &study.moments {
        line("dated", Some(format!("{moment} on {on}")));
    }
    line("waiting for a date", listed(&study.undated));
    line("review", study.review.map(|day| day.to_string()));
    line("stored in", Some(study.regions.to_string()));
    let requires: Vec<_> = study.requires.iter().collect();
    line("required before anything opens", listed(&requires));
    line("DPIA", study.dpia.as_ref().map(ToString::to_string));
    line(
        "data-sharing agreement",
        study.data_sharing.as_ref().map(ToString::to_string),
    );
    let approval = study.approval.as_ref();
    line(
        "approved",
        approval.map(|approval| format!("by {} on {}", approval.by, approval.on)),
    );
    line("MISSING before anything is shared", listed(&study.missing));
    line(
        "requests answered within",
        Some(study.answer_within.to_string()),
    );
    line(
        "transcript can be asked for after",
        study.transcript_after.map(|period| period.to_string()),
    );
    line(
        "research team",
        study.team_contact.as_ref().map(ToString::to_string),
    );
    line(
        "data protection officer",
        study.dpo_contact.as_ref().map(ToString::to_string),
    );
    line(
        "safeguarding lead",
        study.safeguarding_lead.map(|person| person.to_string()),
    );
    line(
        "second persons to approve an erasure",
        Some(study.approvers.to_string()),
    );
    line(
        "left out of the published summary",
        study.unpublished.as_ref().map(ToString::to_string),
    );
    line("holds", Some(held(study)));
    line("closed", Some(yes_no(study.closed)));
    line("ended", study.ended.then(|| yes_no(true)));
    lines.join("\n")
}

/// What it holds of what it may.
fn held(study: &StudyView) -> String {
    let held = &study.held;
    let of = |quota: Option<u64>, said: String| quota.map_or_else(String::new, |_| said);
    let bytes = of(study.quota_bytes.0, format!(" of {}", study.quota_bytes));
    let items = of(study.quota_items.0, format!(" of {}", study.quota_items));
    let coming = match held.coming_items {
        0 => String::new(),
        coming => format!(
            ", and {} in uploads under way: {coming}",
            bytes_in_words(held.coming_bytes)
        ),
    };
    format!(
        "{}{bytes}; items: {}{items}{coming}",
        bytes_in_words(held.bytes),
        held.items
    )
}

fn listed<T: ToString>(values: &[T]) -> Option<String> {
    let values: Vec<String> = values.iter().map(ToString::to_string).collect();
    (!values.is_empty()).then(|| values.join(", "))
}
