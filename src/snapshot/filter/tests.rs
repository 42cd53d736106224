use proptest::prelude::*;

use super::*;
use crate::snapshot::Labels;
use crate::store::Timestamp;

fn info() -> Info {
    let labels = [("l", "1"), ("containerd.io/gc.root", "check-walk"), ("odd \"key\"", "a,b")];
    let now = Timestamp::now();
    Info {
        name: "default/12/sha256:00".into(),
        parent: String::new(),
        kind: Kind::Active,
        created: now,
        updated: now,
        labels: labels.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect::<Labels>(),
    }
}

fn passes(filters: &[&str]) -> bool {
    let filters: Vec<String> = filters.iter().map(|&filter| filter.to_owned()).collect();
    Filters::parse(&filters).unwrap().let_pass(&info())
}

#[test]
fn what_matches() {
    for filter in [
        "",
        " ",
        "kind==active",
        " kind == active , name ",
        "kind==active,labels.\"containerd.io/gc.root\"==check-walk",
        "labels.l",
        "labels.l==1",
        "labels.l!=2",
        "labels.absent!=2",
        "parent",
        "parent==\"\"",
        "name==default/12/sha256:00",
        "name==\"default/12/sha256:00\"",
        "name~=sha",
        "name~=/^default\\/\\d+/",
        "name~=|^default/[0-9]+/|",
        "name~=\"sha\\x32\\u0035\\066\"",
        "labels.\"odd \\\"key\\\"\"==\"a,b\"",
        "unknown!=x",
        "labels.absent~=\"^$\"",
    ] {
        assert!(passes(&[filter]), "{filter}");
    }
}

#[test]
fn what_does_not_match() {
    for filter in [
        "kind==view",
        "kind==Active",
        "kind==active,labels.absent",
        "labels.absent==\"\"",
        "labels",
        "unknown",
        "parent!=\"\"",
        "name~=\"(\"",
        "name~=^sha",
    ] {
        assert!(!passes(&[filter]), "{filter}");
    }
}

#[test]
fn one_of_several_is_enough() {
    assert!(passes(&["kind==view", "labels.l"]));
    assert!(!passes(&["kind==view", "labels.absent"]));
    assert!(passes(&[]));
}

#[test]
fn what_is_no_filter() {
    for filter in [
        "kind=active",
        "==x",
        "kind==",
        "kind==active,",
        "kind active",
        "name==/quoted/",
        "name==|quoted|",
        "name==\"open",
        "name==.x",
        "labels.",
        "name~",
        "'name'==x",
        "name==\"\\q\"",
        "name==\"\\u12\"",
    ] {
        assert!(Filters::parse(&[filter.to_owned()]).is_err(), "{filter}");
    }
}

proptest! {
    #[test]
    fn nothing_makes_the_parser_panic(filter in "[a-z.\"/|\\\\=!~, \\n0-9éλ]{0,40}") {
        let _ = Filters::parse(&[filter]);
    }

    #[test]
    fn a_quoted_value_is_found_whatever_is_in_it(value in "[ -~éλ]{1,20}") {
        let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
        let filters = Filters::parse(&[format!("name==\"{quoted}\"")]).unwrap();
        let named = Info { name: value, ..info() };
        prop_assert!(filters.let_pass(&named));
    }
}
