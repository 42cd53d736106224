use proptest::prelude::*;

use super::*;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes_of(text: &str) -> String {
    hex(&parse(text).unwrap_or_else(|error| panic!("{text}: {error}")))
}

const FILES: &str = "O:BAG:SYD:(A;;FA;;;BA)(A;;FA;;;SY)(A;;0x1200a9;;;BU)";
const DIRECTORIES: &str = "O:BAG:SYD:(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)(A;;FA;;;BA)(A;OICIIO;GA;;;CO)\
                           (A;OICI;0x1200a9;;;BU)(A;CI;LC;;;BU)(A;CI;DC;;;BU)";
const TRUSTED_INSTALLER: &str = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464";

#[test]
fn files_of_cross_builds_give_the_known_bytes() {
    let known = "0100048014000000240000000000000030000000 01020000000000052000000020020000 \
                 010100000000000512000000 02004c0003000000 \
                 00001800ff011f0001020000000000052000000020020000 \
                 00001400ff011f00010100000000000512000000 \
                 00001800a900120001020000000000052000000021020000";
    assert_eq!(bytes_of(FILES), known.replace(' ', ""));
}

#[test]
fn owner_and_group_alone_give_the_known_bytes() {
    let users = "01020000000000052000000021020000";
    let known = format!("01000080140000002400000000000000000000 00{users}{users}").replace(' ', "");
    assert_eq!(bytes_of("O:BUG:BU"), known);
}

#[test]
fn an_empty_list_gives_the_known_bytes() {
    assert_eq!(bytes_of("D:P"), "01000490000000000000000000000000140000000200080000000000");
}

#[test]
fn a_null_list_is_the_default_descriptor() {
    assert_eq!(parse("D:NO_ACCESS_CONTROL").unwrap(), crate::cim::security::DEFAULT);
}

#[test]
fn flags_of_lists_and_entries_become_bits() {
    let bytes = parse("O:SYG:SYD:PAI(A;OICIIO;GA;;;CO)").unwrap();
    assert_eq!(bytes[2..4], [0x04, 0x94]);
    let ace = &bytes[20 + 12 + 12 + 8..];
    assert_eq!(ace[..8], [0, 0x0B, 20, 0, 0, 0, 0, 0x10]);
    let bytes = parse("D:PARAIS:PARAI").unwrap();
    assert_eq!(bytes[2..4], [0x14, 0xBF]);
}

#[test]
fn object_entries_carry_guids_and_raise_the_revision() {
    let guid = "00112233-4455-6677-8899-aabbccddeeff";
    let bytes = hex(&parse(&format!("D:(OA;;CR;{guid};;WD)(OA;;CR;;{guid};WD)(OA;;CR;;;WD)")).unwrap());
    let stored = "33221100554477668899aabbccddeeff";
    let world = "010100000000000100000000";
    let expected = format!(
        "0400700003000000 05002800 00010000 01000000{stored}{world} 05002800 00010000 02000000{stored}{world} \
         05001800 00010000 00000000{world}"
    );
    assert_eq!(bytes[40..], expected.replace(' ', ""));
}

#[test]
fn texts_come_back_as_they_were() {
    for text in [
        "",
        FILES,
        DIRECTORIES,
        "O:BUG:BU",
        "D:",
        "D:P",
        "S:",
        "D:NO_ACCESS_CONTROL",
        "D:PARAINO_ACCESS_CONTROL",
        "O:SYG:SYD:PAI(A;OICIIO;GA;;;CO)",
        "D:(D;NPID;FRSD;;;WD)",
        "S:(AU;SAFA;FA;;;WD)(ML;;NWNRNX;;;LW)",
        "D:(OD;;CR;00112233-4455-6677-8899-aabbccddeeff;;PS)",
        "D:(A;;0x0;;;WD)(A;;CCDCLCSWRPWPDTLOCRSDRCWDWOGAGXGWGR;;;WD)",
        "D:(A;;FA;;;S-1-5)(A;;FA;;;S-1-0xffffffffffff-4294967295)",
        &format!("O:{TRUSTED_INSTALLER}G:{TRUSTED_INSTALLER}D:(A;;FA;;;{TRUSTED_INSTALLER})"),
    ] {
        let bytes = parse(text).unwrap();
        let expected = text.replace("FRSD", "0x130089");
        assert_eq!(format(&bytes).unwrap(), expected);
    }
}

#[test]
fn blanks_may_stand_between_components() {
    let spaced = " O:BA\t G: SY D: P AI (A;;FA;;;BA) (A;;FA;;;SY) S: AR (ML;;NW;;;LW) ";
    assert_eq!(bytes_of(spaced), bytes_of("O:BAG:SYD:PAI(A;;FA;;;BA)(A;;FA;;;SY)S:AR(ML;;NW;;;LW)"));
}

#[test]
fn rights_are_words_or_numbers() {
    let mask = |rights: &str| {
        let bytes = parse(&format!("D:(A;;{rights};;;WD)")).unwrap();
        u32::from_le_bytes(bytes[32..36].try_into().unwrap())
    };
    assert_eq!(mask(""), 0);
    assert_eq!(mask("0"), 0);
    assert_eq!(mask("010"), 8);
    assert_eq!(mask("10"), 10);
    assert_eq!(mask("0x1F01ff"), 0x1F01FF);
    assert_eq!(mask("4294967295"), u32::MAX);
    assert_eq!(mask("GAGXGWGR"), 0xF000_0000);
    assert_eq!(mask("KX"), mask("KR"));
    assert_eq!(mask("NWNRNX"), 7);
}

#[test]
fn malformed_texts_are_refused() {
    for text in [
        "x",
        "o:BA",
        "O:",
        "O:ba",
        "O:BAD",
        "O:BA:",
        "G:SYO:BA",
        "D:PD:P",
        "D:X",
        "D:P;",
        "D:(A;;FA;;;BA",
        "D:(A;;FA;;;BA))",
        "D:()",
        "D:(A)",
        "D:(A;;FA;;;)",
        "D:(A;;FA;;BA)",
        "D:(a;;FA;;;BA)",
        "D:(AL;;FA;;;BA)",
        "D:(A;OIC;FA;;;BA)",
        "D:(A;oi;FA;;;BA)",
        "D:(A;;F;;;BA)",
        "D:(A;;fa;;;BA)",
        "D:(A;;XX;;;BA)",
        "D:(A;;0x;;;BA)",
        "D:(A;;0x+1;;;BA)",
        "D:(A;;09;;;BA)",
        "D:(A;;0x100000000;;;BA)",
        "D:(A;;-1;;;BA)",
        "D:(A;;4294967296;;;BA)",
        "D:(A;;\u{e9};;;BA)",
        "D:(A;\u{e9}\u{e9};FA;;;BA)",
        "D:(A;;FA;00112233-4455-6677-8899-aabbccddeeff;;BA)",
        "D:(OA;;FA;0011;;BA)",
        "D:(OA;;FA;+0112233-4455-6677-8899-aabbccddeeff;;BA)",
        "D:NO_ACCESS_CONTROL(A;;FA;;;BA)",
        "S:NO_ACCESS_CONTROL",
        "O:S-1-",
        "O:S-1-5-",
        "O:S-2-5-18",
        "O:S-1-+5-18",
        "O:S-1-0x-18",
        "O:S-1-0x+1-18",
        "O:S-1-5-4294967296",
        "O:S-1-281474976710656-1",
        "O:S-1-5-0x20",
        "O:S-1-5-1-2-3-4-5-6-7-8-9-10-11-12-13-14-15-16",
        "O:\u{e9}:",
        "\u{e9}:",
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
}

#[test]
fn refusals_name_their_cause() {
    let refusal = |text: &str| parse(text).expect_err("refused");
    for alias in "LA LG DA DU DG DC DD CA SA EA PA RS RO CN AP KA EK".split(' ') {
        assert_eq!(refusal(&format!("O:{alias}G:SY")), SddlError::DomainAlias(alias.into()));
    }
    for kind in "XA XD ZA XU RA SP TL FL".split(' ') {
        assert_eq!(
            refusal(&format!("D:({kind};;FX;;;WD;(@User.x))")),
            SddlError::UnsupportedAce(kind.into())
        );
    }
    assert_eq!(refusal("D:(A;;FA;;;WD;x)"), SddlError::AceParts(7));
    assert_eq!(
        refusal("D:P junk").to_string(),
        "expected O:, G:, D: or S:, in this order, or the end at \"junk\" of a security descriptor string"
    );
    let many = "(A;;FA;;;WD)".repeat(3_277);
    assert_eq!(refusal(&format!("D:{many}")), SddlError::ListTooLong);
}

#[test]
fn what_has_no_text_is_refused() {
    let refusal = |bytes: &[u8]| format(bytes).expect_err("refused");
    let mut bytes = parse("S:").unwrap();
    bytes[12..16].fill(0);
    assert_eq!(refusal(&bytes), SddlError::Inexpressible { what: "a null SACL" });
    let good = parse("D:(A;;FA;;;WD)").unwrap();
    for (at, byte) in [(28, 0x09), (28, 0x12), (28, 0x04), (29, 0x20)] {
        let mut bytes = good.clone();
        bytes[at] = byte;
        assert!(matches!(refusal(&bytes), SddlError::Inexpressible { .. }), "byte {byte} at {at}");
    }
    assert!(matches!(refusal(&[1]), SddlError::Security(_)));
}

fn sid() -> impl Strategy<Value = String> {
    let alias = prop::sample::select(&["WD", "CO", "BA", "BU", "SY", "AU", "AS", "UD", "LW", "RM"][..]);
    let literal =
        (0u64..1 << 48, prop::collection::vec(any::<u32>(), 0..=15)).prop_map(|(authority, parts)| {
            let parts: String = parts.iter().map(|part| format!("-{part}")).collect();
            format!("S-1-{authority}{parts}")
        });
    prop_oneof![alias.prop_map(str::to_owned), literal]
}

fn ace() -> impl Strategy<Value = String> {
    let kind = prop::sample::select(&["A", "D", "AU", "OA", "OD", "OU", "ML"][..]);
    let flags = prop::sample::subsequence(&["OI", "CI", "NP", "IO", "ID", "SA", "FA"][..], 0..=7);
    let mask = prop_oneof![any::<u32>(), Just(0x1F01FF), 0..8u32, (0..32u32).prop_map(|bit| 1 << bit)];
    let guid = || prop_oneof![Just(None), any::<u128>().prop_map(Some)];
    (kind, flags, mask, guid(), guid(), sid()).prop_map(|(kind, flags, mask, object, inherited, sid)| {
        let guid = |guid: Option<u128>| {
            let digits = guid.filter(|_| kind.starts_with('O')).map(|guid| format!("{guid:032x}"))?;
            let cuts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|cut| digits[cut].to_owned());
            Some(cuts.join("-"))
        };
        let (object, inherited) = (guid(object).unwrap_or_default(), guid(inherited).unwrap_or_default());
        format!("({kind};{};{mask};{object};{inherited};{sid})", flags.concat())
    })
}

fn text() -> impl Strategy<Value = String> {
    let flags = || prop::sample::subsequence(&["P", "AR", "AI"][..], 0..=3);
    let list = || prop::option::of((flags(), prop::collection::vec(ace(), 0..4)));
    (prop::option::of(sid()), prop::option::of(sid()), list(), list()).prop_map(
        |(owner, group, dacl, sacl)| {
            let mut text = String::new();
            for (word, sid) in [("O:", owner), ("G:", group)] {
                text.extend(sid.map(|sid| format!("{word}{sid}")));
            }
            for (word, list) in [("D:", dacl), ("S:", sacl)] {
                text.extend(list.map(|(flags, aces)| format!("{word}{}{}", flags.concat(), aces.concat())));
            }
            text
        },
    )
}

proptest! {
    #[test]
    fn bytes_come_back_as_they_were(text in text()) {
        let bytes = parse(&text).unwrap();
        let shown = format(&bytes).unwrap();
        prop_assert_eq!(hex(&parse(&shown).unwrap()), hex(&bytes));
    }

    #[test]
    fn texts_at_random_never_panic(text in r"([OGDS]:|[A-Z]{2}|S-1-|0x|[;() :\-0-9a-fP]|\PC){0,40}") {
        if let Ok(bytes) = parse(&text) {
            prop_assert_eq!(parse(&format(&bytes).unwrap()).unwrap(), bytes);
        }
    }
}
