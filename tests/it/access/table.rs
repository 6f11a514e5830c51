//! `docs/access.md` has the table that the decisions come to.

use std::fmt::Write;
use std::path::Path;

use jiff::civil::date;
use strongroom::model::Role;

use super::GATE;
use super::asking::{Asked, Told, ask};
use super::house::{House, Pass};

const BEGIN: &str = "<!-- the table begins: written by the tests -->\n";
const END: &str = "<!-- the table ends -->\n";
/// Set to have the table written instead of compared.
const WRITE: &str = "STRONGROOM_WRITE_DOCS";

#[test]
fn the_table_in_the_documents_is_what_is_decided() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/access.md");
    let page = std::fs::read_to_string(&path).expect("docs/access.md");
    let (before, rest) = page.split_once(BEGIN).expect("where the table begins");
    let (written, after) = rest.split_once(END).expect("where the table ends");
    let decided = table();
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&path, [before, BEGIN, &decided, END, after].concat()).expect("written");
        return;
    }
    assert_eq!(
        written, decided,
        "docs/access.md is stale: read the difference, then run `{WRITE}=1 cargo test --test it access`"
    );
}

fn table() -> String {
    let mut house = House::new();
    let requested_by = house.person(Role::InformationGovernance, None);
    let ids = house.ids(requested_by.id);
    let mut columns: Vec<(String, Pass)> = Vec::new();
    for role in Role::ALL {
        match role {
            Role::StudyLead | Role::Researcher => {
                let (inside, outside) = (house.person(role, None), house.person(role, None));
                house.place(ids.study, &inside, role, None);
                columns.push((format!("{role} of the study"), inside));
                columns.push((format!("{role} of another"), outside));
            }
            Role::Transcriber => {
                let firm = house.supplier(date(2026, 1, 2));
                let inside = house.person(role, Some(ids.supplier));
                columns.push((format!("{role}, assigned"), inside));
                columns.push((format!("{role}, not"), house.person(role, Some(firm))));
            }
            _ => columns.push((role.to_string(), house.person(role, None))),
        }
    }
    let mut table = String::from("| |");
    for (name, _) in &columns {
        write!(table, " {name} |").expect("written");
    }
    writeln!(table, "\n|---|{}", "---|".repeat(columns.len())).expect("written");
    for asked in Asked::all() {
        write!(table, "| {} |", asked.name()).expect("written");
        for (_, who) in &columns {
            let cell = match ask(&GATE, &house, who, asked, &ids) {
                Told::Yes => "**yes**",
                Told::Refused(_) => "no",
                Told::NoSuchThing => "–",
                Told::Stranger => unreachable!("everyone here has a token"),
            };
            write!(table, " {cell} |").expect("written");
        }
        table.push('\n');
    }
    table
}
