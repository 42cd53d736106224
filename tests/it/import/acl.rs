//! POSIX ACLs: the kernel enforces those of an image as it does those of an unpacked layer.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown, symlink};
use std::path::Path;
use std::process::Command;

use cimsnap::layer::import::{EntryError, ImportError};
use rustix::fs::{CWD, FileType, Mode, XattrFlags, lsetxattr, mknodat};
use tar::EntryType;

use super::mounted::{Scene, run, xattrs};
use super::tars::Tar;

const ACCESS: &str = "system.posix_acl_access";
const DEFAULT: &str = "system.posix_acl_default";

const NONE: u32 = u32::MAX;

/// Reads an ACL as people write it, such as `u::rw u:1000:r g::- m::rw o::-`.
fn acl(text: &str) -> Vec<u8> {
    let mut bytes = 2u32.to_le_bytes().to_vec();
    for entry in text.split(' ') {
        let mut parts = entry.split(':');
        let (who, id, may) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
        let tag: u16 = match (who, id) {
            ("u", "") => 1,
            ("u", _) => 2,
            ("g", "") => 4,
            ("g", _) => 8,
            ("m", _) => 16,
            _ => 32,
        };
        let bits =
            [("r", 4), ("w", 2), ("x", 1)].map(|(letter, bit)| if may.contains(letter) { bit } else { 0 });
        bytes.extend_from_slice(&tag.to_le_bytes());
        bytes.extend_from_slice(&bits.iter().sum::<u16>().to_le_bytes());
        bytes.extend_from_slice(&id.parse().unwrap_or(NONE).to_le_bytes());
    }
    bytes
}

/// What a layer has: path, type, mode, owner and group, access ACL, default ACL.
type Item = (&'static str, EntryType, u32, (u32, u32), &'static str, &'static str);

const FILE: EntryType = EntryType::Regular;
const DIR: EntryType = EntryType::Directory;

const ITEMS: [Item; 24] = [
    ("plain", FILE, 0o640, (0, 50), "", ""),
    ("group-denied", FILE, 0o640, (0, 50), "u::rw u:1000:r g::- m::r o::-", ""),
    ("user-named", FILE, 0o660, (0, 50), "u::rw u:1000:rwx g::r m::rw o::-", ""),
    ("group-named", FILE, 0o650, (0, 50), "u::rw g::- g:60:rx m::rx o::-", ""),
    ("masked-by-mode", FILE, 0o600, (0, 50), "u::rw u:1000:rwx g::r g:60:rwx m::rwx o::-", ""),
    ("widened-by-mode", FILE, 0o666, (0, 50), "u::r u:1000:rw g::r m::r o::-", ""),
    ("two-groups", FILE, 0o660, (0, 50), "u::rw g::- g:60:r g:70:w m::rw o::-", ""),
    ("owner-named", FILE, 0o440, (1000, 50), "u::r u:1000:- g::r m::r o::-", ""),
    ("user-denied", FILE, 0o755, (0, 0), "u::rwx u:1001:- g::rx m::rx o::rx", ""),
    ("group-0", FILE, 0o640, (1, 0), "u::rw u:1000:r g::- m::r o::-", ""),
    ("only-a-mask", FILE, 0o644, (1, 50), "u::rw g::rwx m::r o::r", ""),
    ("says-no-more-than-the-mode", FILE, 0o604, (0, 50), "u::rwx g::rwx o::rwx", ""),
    ("set-id", FILE, 0o6750, (1000, 50), "u::rwx u:1001:x g::rx m::rx o::-", ""),
    ("pipe", EntryType::Fifo, 0o640, (0, 50), "u::rw u:1000:r g::- m::r o::-", ""),
    ("link", EntryType::Symlink, 0o777, (0, 50), "u::rw u:1000:r g::- m::r o::-", ""),
    ("closed", DIR, 0o750, (0, 50), "u::rwx u:1000:rx g::- m::rx o::-", ""),
    ("closed/file", FILE, 0o644, (0, 0), "", ""),
    ("passable", DIR, 0o711, (0, 50), "u::rwx g::- g:60:rx m::x o::x", ""),
    ("passable/file", FILE, 0o600, (0, 0), "u::rw u:1002:r g::- m::rw o::-", ""),
    ("heir", DIR, 0o777, (0, 50), "", "u::rwx u:1000:rw g::rx g:60:rwx m::rwx o::-"),
    ("heir-of-mode", DIR, 0o2777, (0, 60), "", "u::rwx g::rx o::x"),
    (
        "heir-and-closed",
        DIR,
        0o2770,
        (0, 50),
        "u::rwx u:1000:rwx g::- m::rwx o::-",
        "u::rw g::r g:70:r m::r o::-",
    ),
    ("heir-of-mask", DIR, 0o777, (0, 50), "", "u::rwx g::rwx m::rx o::-"),
    ("empty", FILE, 0o644, (0, 0), "", ""),
];

/// Users, their groups, and their other groups.
const IDENTITIES: [(u32, u32, &str); 10] = [
    (0, 0, ""),
    (1, 0, ""),
    (1000, 1000, ""),
    (1001, 1001, "0"),
    (1000, 50, "60"),
    (1002, 50, ""),
    (1002, 60, ""),
    (1002, 1002, "70"),
    (1002, 1002, "60,70"),
    (1003, 1003, "50"),
];

fn layer() -> Vec<u8> {
    let mut tar = Tar::new();
    for (path, kind, mode, (uid, gid), access, default) in ITEMS {
        let acls = [(ACCESS, access), (DEFAULT, default)].into_iter().filter(|(_, acl)| !acl.is_empty());
        let acls: Vec<_> = acls.map(|(name, text)| (format!("SCHILY.xattr.{name}"), acl(text))).collect();
        let records: Vec<_> = acls.iter().map(|(key, acl)| (key.as_bytes(), acl.as_slice())).collect();
        if !records.is_empty() {
            tar = tar.records(&records);
        }
        let target = if kind == EntryType::Symlink { "plain" } else { "" };
        let data: &[u8] = if kind == FILE { b"data" } else { b"" };
        tar = tar.raw(kind, path.as_bytes(), target.as_bytes(), data, |header| {
            header.set_mode(mode);
            header.set_uid(uid.into());
            header.set_gid(gid.into());
        });
    }
    tar.bytes()
}

/// Unpacks what [`layer`] has in the order in which containerd does: owner, ACLs, mode.
fn unpack(root: &Path) {
    for (path, kind, mode, (uid, gid), access, default) in ITEMS {
        let at = root.join(path);
        match kind {
            EntryType::Directory => fs::create_dir(&at).unwrap(),
            EntryType::Symlink => symlink("plain", &at).unwrap(),
            EntryType::Fifo => mknodat(CWD, &at, FileType::Fifo, Mode::RUSR, 0).unwrap(),
            _ => fs::write(&at, "data").unwrap(),
        }
        lchown(&at, Some(uid), Some(gid)).unwrap();
        for (name, text) in [(ACCESS, access), (DEFAULT, default)] {
            if !text.is_empty() {
                let set = lsetxattr(&at, name, &acl(text), XattrFlags::empty());
                assert_eq!(set.is_ok(), kind != EntryType::Symlink, "{path}: {set:?}");
            }
        }
        if kind != EntryType::Symlink {
            fs::set_permissions(&at, fs::Permissions::from_mode(mode)).unwrap();
        }
    }
}

/// Runs a script in a directory as somebody, and returns what it prints.
fn run_as((uid, gid, groups): (u32, u32, &str), at: &Path, script: &str) -> String {
    let mut command = Command::new("setpriv");
    command.args([format!("--reuid={uid}"), format!("--regid={gid}")]);
    match groups {
        "" => command.arg("--clear-groups"),
        groups => command.arg(format!("--groups={groups}")),
    };
    let output = command.args(["sh", "-c", script]).current_dir(at).output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Tells what somebody may do with every path, by doing it where that changes nothing.
fn rights(who: (u32, u32, &str), at: &Path, write: bool) -> String {
    let paths: Vec<_> = ITEMS.iter().map(|item| item.0).collect();
    let write = if write { r#"[ -w "$path" ] && may=${may}w"# } else { "" };
    let script = format!(
        r#"for path in {}; do
            may=
            if [ -d "$path" ]; then ls "$path" >/dev/null 2>&1 && may=r
            elif [ -f "$path" ]; then cat "$path" >/dev/null 2>&1 && may=r
            else [ -r "$path" ] && may=r; fi
            {write}
            [ -x "$path" ] && may=${{may}}x
            echo "$path $may"
        done; true"#,
        paths.join(" ")
    );
    run_as(who, at, &script)
}

/// Returns mode, owner and extended attributes of everything.
fn metadata(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut ahead = vec![root.to_owned()];
    while let Some(at) = ahead.pop() {
        let stat = fs::symlink_metadata(&at).unwrap();
        let xattrs = xattrs(&at);
        let xattrs: Vec<_> =
            xattrs.iter().map(|(name, value)| (String::from_utf8_lossy(name), value)).collect();
        let path = at.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        if !path.is_empty() {
            found.insert(path, format!("{:o} {}:{} {xattrs:?}", stat.mode(), stat.uid(), stat.gid()));
        }
        if stat.is_dir() {
            ahead.extend(fs::read_dir(&at).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    found
}

#[test]
fn the_kernel_enforces_acls_as_for_an_unpacked_layer() {
    let mut scene = Scene::new();
    scene.import(layer()).unwrap();
    let unpacked = scene.make("unpacked");
    unpack(&unpacked);
    let mounted = scene.mount("mounted");
    let ours = scene.overlay("ours", &mounted, "");
    let theirs = scene.overlay("theirs", &unpacked, "");
    assert_eq!(metadata(&mounted), metadata(&unpacked));
    assert_eq!(metadata(&ours), metadata(&theirs));
    let mut kinds = std::collections::BTreeSet::new();
    for who in IDENTITIES {
        let expected = rights(who, &unpacked, false);
        assert_eq!(rights(who, &mounted, false), expected, "{who:?}");
        let expected = rights(who, &theirs, true);
        assert_eq!(rights(who, &ours, true), expected, "{who:?} through an overlay");
        kinds.extend(expected.lines().map(str::to_owned));
    }
    assert!(kinds.len() > 2 * ITEMS.len(), "the identities may do different things: {kinds:?}");
    // The group's bits of the mode are the mask; the group itself may nothing.
    assert!(rights((1, 0, ""), &mounted, false).contains("group-denied \n"));
    assert!(rights((1000, 1000, ""), &mounted, false).contains("group-denied r\n"));
}

#[test]
fn files_that_containers_make_inherit_default_acls() {
    let mut scene = Scene::new();
    scene.import(layer()).unwrap();
    let unpacked = scene.make("unpacked");
    unpack(&unpacked);
    let mounted = scene.mount("mounted");
    let ours = scene.overlay("ours", &mounted, "");
    let theirs = scene.overlay("theirs", &unpacked, "");
    let script = r#"umask 027; for d in heir heir-of-mode heir-and-closed heir-of-mask closed; do
        n=$d/$(id -u); mkdir $n && mkdir $n/deep && : > $n/deep/file && mkfifo $n/pipe
        ln -s x $n/link && : > $n.file && chmod 604 $n.file
    done 2>/dev/null; true"#;
    for who in IDENTITIES {
        for at in [&ours, &theirs] {
            run_as(who, at, script);
        }
    }
    // A container changes what a layer has brought.
    for at in [&ours, &theirs] {
        for (path, mode) in [("user-named", 0o604), ("masked-by-mode", 0o670), ("heir-and-closed", 0o711)] {
            fs::set_permissions(at.join(path), fs::Permissions::from_mode(mode)).unwrap();
        }
        fs::write(at.join("group-denied"), "changed").unwrap();
        run(Command::new("cp").args(["-a", "user-denied", "copied"]).current_dir(at));
    }
    let (ours, theirs) = (metadata(&ours), metadata(&theirs));
    assert!(theirs["heir/1000/deep/file"].contains(ACCESS), "{theirs:#?}");
    assert!(theirs["heir/1000/deep"].contains(DEFAULT));
    assert_eq!(ours, theirs);
}

#[test]
fn the_layer_decides_which_of_its_files_have_acls() {
    let mut scene = Scene::new();
    let key = format!("SCHILY.xattr.{DEFAULT}");
    let heir = acl("u::rwx u:1000:rw g::rx m::rwx o::-");
    let tar = Tar::new().records(&[(key.as_bytes(), &heir)]).dir("d").file("d/file", "").bytes();
    scene.import(tar).unwrap();
    let found = metadata(&scene.mount("mounted"));
    assert_eq!(found["d/file"], "100644 7:8 []");
    assert!(found["d"].contains(DEFAULT));
}

#[test]
fn malformed_acls_fail_the_layer() {
    let refusal = |kind, name: &str, value: &[u8]| {
        let key = format!("SCHILY.xattr.{name}");
        let tar = Tar::new().records(&[(key.as_bytes(), value)]).entry(kind, "dir/the-file", "x", b"");
        let mut scene = Scene::new();
        let error = scene.import(tar.bytes()).expect_err("a refusal");
        assert!(error.to_string().contains("the-file"), "{error}");
        assert!(matches!(error, ImportError::Entry { source: EntryError::Metadata(_), .. }), "{error:?}");
        let left = fs::read_dir(scene.at("cim")).unwrap().map(|entry| entry.unwrap().file_name());
        assert_eq!(left.filter(|name| !name.as_bytes().starts_with(b".")).count(), 0);
    };
    let good = acl("u::rw u:1000:r g::r m::r o::-");
    let many = (0..512).map(|id| format!("u:{id}:r")).collect::<Vec<_>>().join(" ");
    for name in [ACCESS, DEFAULT] {
        for bad in [
            "u::rw g::r",
            "u:1000:r u::rw g::r m::r o::-",
            "u::rw u:1000:r g::r o::-",
            "u::rw u::rw g::r o::-",
            "u::rw g::r o::- o::-",
            "g::r o::-",
            &format!("u::rw {many} g::r m::r o::-"),
        ] {
            refusal(DIR, name, &acl(bad));
        }
        refusal(DIR, name, &good[..good.len() - 1]);
        refusal(DIR, name, &[&good[..], b"\0\0\0\0"].concat());
        refusal(EntryType::Symlink, name, &good[..good.len() - 1]);
    }
    refusal(FILE, DEFAULT, &good);
}
