//! `docs/access.md` has the table that the decisions come to.

use std::fmt::Write;
use std::path::Path;

use jiff::civil::date;
use strongroom::index::tables;
use strongroom::model::{Action, Role, Tier};

use super::GATE;
use super::asking::{Asked, Told, ask};
use super::house::{House, Ids, Pass};

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

/// What the table is of: an act, and the tier of what it is done to where that matters.
fn lines(house: &mut House, ids: Ids) -> Vec<(String, Asked, Ids)> {
    let mut lines = Vec::new();
    for asked in Asked::all() {
        match asked {
            Asked::To(action) if OF_ITEMS.contains(&action) => {
                for tier in Tier::ALL {
                    let item = house.derived(ids.session, tier);
                    let of_tier = match tier {
                        Tier::Identifiable => ids,
                        _ => Ids { item, ..ids },
                    };
                    lines.push((format!("{action}: {tier}"), asked, of_tier));
                }
            }
            Asked::To(action @ Action::ReadRelease) => {
                lines.push((format!("{action}: not decided"), asked, ids));
                let release = house.given(ids.study);
                let given = Ids { release, ..ids };
                lines.push((format!("{action}: given"), asked, given));
            }
            _ => lines.push((asked.name(), asked, ids)),
        }
    }
    lines
}

/// The acts on an item that turn on its tier.
const OF_ITEMS: [Action; 5] = [
    Action::ReadItem,
    Action::OpenItem,
    Action::DeriveItem,
    Action::CheckItem,
    Action::RequestRelease,
];

fn columns(house: &mut House, ids: &Ids) -> Vec<(String, Pass)> {
    let mut columns: Vec<(String, Pass)> = Vec::new();
    for role in Role::ALL {
        match role {
            Role::StudyLead | Role::Researcher | Role::Commissioner => {
                let (inside, outside) = (house.person(role, None), house.person(role, None));
                house.place(ids.study, &inside, role, None);
                columns.push((format!("{role} of the study"), inside));
                if role == Role::Researcher {
                    let analyst = house.person(role, None);
                    house.place(ids.study, &analyst, role, None);
                    house.edit(&tables::MEMBERSHIPS, (ids.study, analyst.id), |row| {
                        row.sees = Tier::DeIdentified;
                    });
                    columns.push((format!("{role}, de-identified only"), analyst));
                }
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
    columns
}

fn table() -> String {
    let mut house = House::new();
    let requested_by = house.person(Role::InformationGovernance, None);
    let ids = house.ids(requested_by.id);
    let columns = columns(&mut house, &ids);
    let lines = lines(&mut house, ids);
    let mut table = String::from("| |");
    for (name, _) in &columns {
        write!(table, " {name} |").expect("written");
    }
    writeln!(table, "\n|---|{}", "---|".repeat(columns.len())).expect("written");
    for (name, asked, ids) in lines {
        write!(table, "| {name} |").expect("written");
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
