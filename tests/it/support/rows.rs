//! Everything an index holds, row by row.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use strongroom::index::{Reader, RowKey, Table, tables};

/// Every row of every table, in JSON: what the row is called, and `[key, value]`.
pub(crate) fn rows(reader: &Reader<'_>) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    macro_rules! take {
        ($($table:ident)+) => {$(
            take_table(&mut all, stringify!($table), reader, &tables::$table);
        )+};
    }
    // CONTACTS_HELD reads the rows of PARTICIPANTS a second way.
    take! {
        PEOPLE INVITATIONS INVITATIONS_OF TOKENS TOKENS_OF
        STUDIES MEMBERSHIPS STUDIES_OF PARTICIPANTS PARTICIPANTS_OF
        NOTICES CONSENTS SESSIONS SESSIONS_OF SESSIONS_WITH PEOPLE_ON
        ITEMS ITEMS_OF ITEMS_IN ITEMS_WITH UPLOADS UPLOADS_WITH UNFINISHED_BY HELD FINISHED_UPLOADS
        MATERIAL_ON ACCEPTED_ON ANONYMISED_OF FETCHED RELEASES RELEASES_OF
        SUPPLIERS ASSIGNMENTS ASSIGNMENTS_OF ASSIGNMENTS_TO ASSIGNMENTS_IN ANSWERS_TO
        ERASURES ERASURES_UNDER_WAY ERASURES_OF ERASURES_IN
        REQUESTS REQUESTS_OF REQUESTS_WITH DISCLOSURES DISCLOSURES_OF
        NODES SPARE_KEYS EPOCH NEXT_LEAF ATTESTATION
    }
    all
}

fn take_table<K: RowKey + Serialize, V: Serialize + DeserializeOwned>(
    all: &mut BTreeMap<String, String>,
    name: &str,
    reader: &Reader<'_>,
    table: &Table<K, V>,
) {
    let found = reader.page(table, &(), None, usize::MAX);
    for (key, value) in found.expect("the index runs") {
        let called = format!("{name} {}", serde_json::to_string(&key).expect("json"));
        let row = serde_json::to_string(&(key, value)).expect("json");
        all.insert(called, row);
    }
}

#[test]
fn no_table_is_left_out() {
    let source = std::fs::read_to_string("src/index/tables.rs").expect("read");
    let here = std::fs::read_to_string("tests/it/support/rows.rs").expect("read");
    let names = source.lines().filter_map(|line| {
        let (name, kind) = line.strip_prefix("pub const ")?.split_once(": ")?;
        kind.starts_with("Table<").then_some(name)
    });
    let names: Vec<_> = names.collect();
    assert!(names.len() > 30, "the tables are found");
    let words: Vec<_> = here.split_whitespace().collect();
    for name in names {
        assert!(words.contains(&name), "{name} is not among the rows");
    }
}
