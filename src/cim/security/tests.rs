use proptest::prelude::*;

use super::*;

/// Owner and group share one SID; the DACL has one plain and one object entry.
fn sample() -> Vec<u8> {
    let users = Sid::build(5, &[32, 545]).unwrap();
    let sid = Sid::from_prefix(&users).unwrap();
    let plain =
        AceParts { mask: 0x1200A9, object: None, inherited_object: None, is_object: false, sid, data: &[] };
    let object = AceParts { object: Some([7; 16]), is_object: true, ..plain };
    let aces = [
        Ace::build(ace_type::ALLOW, 3, &plain).unwrap(),
        Ace::build(ace_type::ALLOW_OBJECT, 0, &object).unwrap(),
    ];
    let dacl = Acl::build(4, &aces).unwrap();
    Parts {
        control: Control::DACL_PROTECTED,
        owner: Some(&users),
        group: Some(&users),
        dacl: AclSlot::List(&dacl),
        sacl: AclSlot::Null,
    }
    .build()
    .unwrap()
}

#[test]
fn views_show_what_was_built() {
    let bytes = sample();
    let descriptor = Descriptor::parse(&bytes).unwrap();
    assert_eq!(descriptor.control().bits(), 0x9014);
    assert_eq!(descriptor.owner().unwrap().to_string(), "S-1-5-32-545");
    assert_eq!(descriptor.group(), descriptor.owner());
    assert_eq!(descriptor.sacl(), AclSlot::Null);
    let AclSlot::List(dacl) = descriptor.dacl() else { panic!("there is a DACL") };
    let aces: Vec<_> = dacl.aces().collect();
    assert_eq!((dacl.revision(), aces.len()), (4, 2));
    assert_eq!((aces[0].kind(), aces[0].flags()), (0, 3));
    let parts = aces[1].parts().unwrap();
    assert_eq!((parts.mask, parts.object, parts.inherited_object), (0x1200A9, Some([7; 16]), None));
    assert_eq!(parts.sid, descriptor.owner().unwrap());
}

#[test]
fn the_default_is_a_null_dacl() {
    let descriptor = Descriptor::parse(&DEFAULT).unwrap();
    assert_eq!(descriptor.dacl(), AclSlot::Null);
    assert_eq!(descriptor.sacl(), AclSlot::Absent);
    assert!(descriptor.owner().is_none() && descriptor.group().is_none());
}

#[test]
fn overlapping_parts_are_fine() {
    let mut bytes = sample();
    bytes.copy_within(4..8, 8);
    check(&bytes).unwrap();
}

#[test]
fn large_authorities_show_in_hexadecimal() {
    let show = |authority| Sid::from_prefix(&Sid::build(authority, &[1]).unwrap()).unwrap().to_string();
    assert_eq!(show(0xFFFF_FFFF), "S-1-4294967295-1");
    assert_eq!(show(0x1_0000_0000), "S-1-0x000100000000-1");
    assert_eq!(Sid::build(1 << 48, &[]), None);
    assert_eq!(Sid::build(5, &[0; 16]), None);
}

#[test]
fn lies_are_refused() {
    let lie = |at: usize, byte: u8| {
        let mut bytes = sample();
        bytes[at] = byte;
        check(&bytes).expect_err("a lie")
    };
    assert_eq!(lie(0, 2), SecurityError::Revision { what: "header", found: 2 });
    assert_eq!(lie(3, 0x10), SecurityError::Absolute(0x1014));
    assert_eq!(lie(4, 16), SecurityError::Offset { what: "owner", offset: 16 });
    assert_eq!(lie(4, 22), SecurityError::Offset { what: "owner", offset: 22 });
    assert_eq!(lie(9, 0x10), short("group", 0x1024, 1, 0));
    assert_eq!(lie(20, 2), SecurityError::Revision { what: "owner", found: 2 });
    assert_eq!(lie(21, 16), SecurityError::SubAuthorities(16));
    // The DACL begins at 52: revision, 0, size (76), count, 0; then an entry of 24 bytes and one of 44.
    assert_eq!(lie(52, 1), SecurityError::Revision { what: "DACL", found: 1 });
    assert_eq!(lie(54, 90), SecurityError::Size { what: "DACL", size: 90 });
    assert_eq!(lie(54, 4), SecurityError::Size { what: "DACL", size: 4 });
    assert!(matches!(lie(54, 96), SecurityError::Short { what: "DACL", .. }));
    assert!(matches!(lie(56, 3), SecurityError::Short { what: "ACE", .. }));
    assert_eq!(lie(62, 22), SecurityError::Size { what: "ACE", size: 22 });
    assert_eq!(lie(62, 0), SecurityError::Size { what: "ACE", size: 0 });
    assert!(matches!(lie(62, 12), SecurityError::Short { what: "SID of an ACE", .. }));
    assert_eq!(lie(69, 200), SecurityError::SubAuthorities(200));
    assert_eq!(check(&[]), Err(short("header", 0, 20, 0)));
    let mut long = sample();
    long.resize(65_536, 0);
    assert_eq!(check(&long), Err(SecurityError::TooLong { len: 65_536 }));
}

#[test]
fn every_cut_is_refused() {
    let bytes = sample();
    for len in 0..bytes.len() {
        check(&bytes[..len]).expect_err("cut short");
    }
}

proptest! {
    #[test]
    fn bytes_at_random_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), sealed: bool) {
        if sealed && bytes.len() >= 20 {
            bytes[..4].copy_from_slice(&[1, 0, 0x14, 0x80]);
        }
        if let Ok(descriptor) = Descriptor::parse(&bytes)
            && let AclSlot::List(acl) = descriptor.dacl()
        {
            acl.aces().for_each(|ace| { ace.parts(); });
        }
    }

    #[test]
    fn single_changes_never_panic(at in 0..128usize, byte: u8) {
        let mut bytes = sample();
        bytes[at] = byte;
        let _ = check(&bytes);
    }
}
