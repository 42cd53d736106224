//! What Windows is asked for, in calls of libraries that stand in for its own: tests/windows/node.c.

use std::env;

use super::*;

/// Stands in for libraries, none of which is loaded twice: each test has copies of its own, which note their calls.
struct StandIns(tempfile::TempDir);

const LIBRARIES: [&str; 5] =
    ["virtdisk.dll", "computestorage.dll", "computecore.dll", "vmcompute.dll", "cimfs.dll"];

impl StandIns {
    fn new() -> Self {
        let library = env::var_os("CIMSNAP_STAND_IN").expect("tests/windows/main.rs compiles and names it");
        let place = tempfile::tempdir().unwrap();
        for name in LIBRARIES {
            fs::copy(&library, place.path().join(name)).unwrap();
        }
        Self(place)
    }

    fn disks(&self, root: &Path) -> NodeDisks {
        let cimfs = Cimfs::open(&self.0.path().join("cimfs.dll")).unwrap();
        let host = ContainerHost::open(self.0.path());
        NodeDisks::new(root.join("sandbox.vhdx"), root.join("disks"), host, Some(cimfs))
    }

    fn fail(&self, function: &str, code: u32) {
        fs::write(self.0.path().join("fails.txt"), format!("{function} {code:x}")).unwrap();
    }

    fn heal(&self) {
        fs::remove_file(self.0.path().join("fails.txt")).unwrap();
    }

    /// Returns the calls since the last time.
    fn calls(&self) -> Vec<String> {
        let calls = self.0.path().join("calls.txt");
        let text = fs::read_to_string(&calls).unwrap_or_default();
        drop(fs::remove_file(calls));
        text.lines().map(str::to_owned).collect()
    }
}

fn create(at: &Path, size: u64, block: u32, parent: &str) -> String {
    format!(
        "CreateVirtualDisk type=3 vendor=ec984aec-a0f9-47e9-901f-71415a66345b path={} access=0 \
         security=0000000000000000 flags=0 provider=0 version=2 size={size} block={block} sector=0,0 parent={parent} \
         source=- overlapped=0000000000000000",
        at.display()
    )
}

fn grant(at: &Path) -> String {
    format!("HcsGrantVmGroupAccess path={}", at.display())
}

/// A root as it is named in calls.
fn root() -> (tempfile::TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let path = sys::resolve(place.path()).unwrap();
    (place, path)
}

#[test]
fn disks_lie_over_one_that_is_made_once() {
    let (_place, root) = root();
    let stand_ins = StandIns::new();
    let disks = stand_ins.disks(&root);
    let blank = root.join("disks").join(BLANK);
    let making = root.join("disks").join("making").join(BLANK);
    let first = root.join("sandbox-1");
    disks.make(&first, None).unwrap();
    let over = blank.display().to_string();
    let expected = [
        create(&making, 20 << 30, 1 << 20, "-"),
        format!("HcsFormatWritableLayerVhd disk={}", making.display()),
        grant(&making),
        create(&first, 0, 0, &over),
        grant(&first),
    ];
    assert_eq!(stand_ins.calls(), expected);
    assert!(blank.is_file() && first.is_file() && !making.exists());
    let second = root.join("sandbox-2");
    stand_ins.disks(&root).make(&second, Some(SIZE)).unwrap();
    assert_eq!(stand_ins.calls(), [create(&second, 0, 0, &over), grant(&second)]);
}

#[test]
fn disks_grow_but_do_not_shrink() {
    let (_place, root) = root();
    let stand_ins = StandIns::new();
    let disks = stand_ins.disks(&root);
    let disk = root.join("sandbox");
    let refused = disks.make(&disk, Some(SIZE - 1));
    assert!(matches!(refused, Err(DiskError::TooSmall { least: SIZE, .. })), "{refused:?}");
    assert!(stand_ins.calls().is_empty());
    disks.make(&disk, Some(30 << 30)).unwrap();
    let expected = format!("ExpandSandboxSize flavour=1 home= id={} size=32212254720", root.display());
    assert_eq!(stand_ins.calls().last(), Some(&expected));
}

#[test]
fn nothing_lies_over_what_was_not_finished() {
    let (_place, root) = root();
    let stand_ins = StandIns::new();
    let disks = stand_ins.disks(&root);
    let disk = root.join("sandbox");
    for (function, code, result) in [
        ("CreateVirtualDisk", 112, "0x80070070"),
        ("HcsFormatWritableLayerVhd", 0x8037_011B, "0x8037011b"),
        ("HcsGrantVmGroupAccess", 0x8007_0005, "0x80070005"),
    ] {
        stand_ins.fail(function, code);
        let failed = disks.make(&disk, None);
        let Err(DiskError::Make { source, .. }) = failed else { panic!("{failed:?}") };
        let said = source.to_string();
        assert!(said.starts_with(&format!("{function}: ")) && said.contains(result), "{said}");
        assert!(!root.join("disks").join(BLANK).exists() && !disk.exists(), "{function}");
    }
    stand_ins.heal();
    disks.make(&disk, None).unwrap();
}

#[test]
fn a_disk_that_somebody_made_is_copied() {
    let (_place, root) = root();
    let stand_ins = StandIns::new();
    fs::write(root.join("sandbox.vhdx"), "made by hand").unwrap();
    let disk = root.join("sandbox");
    stand_ins.disks(&root).make(&disk, None).unwrap();
    assert_eq!(fs::read(&disk).unwrap(), b"made by hand");
    assert!(stand_ins.calls().is_empty());
}

#[test]
fn machines_are_let_read_a_disk() {
    let (_place, root) = root();
    let stand_ins = StandIns::new();
    let (disks, disk) = (stand_ins.disks(&root), root.join("machine"));
    disks.grant_to_machines(&disk).unwrap();
    assert_eq!(stand_ins.calls(), [grant(&disk)]);
    stand_ins.fail("HcsGrantVmGroupAccess", 0x8007_0005);
    let failed = disks.grant_to_machines(&disk);
    assert!(matches!(&failed, Err(DiskError::Make { at, .. }) if *at == disk), "{failed:?}");
}

#[test]
fn without_the_libraries_nothing_is_made_and_nothing_is_in_the_way() {
    let (_place, root) = root();
    let host = ContainerHost::open(&root);
    let disks = NodeDisks::new(root.join("sandbox.vhdx"), root.join("disks"), host, None);
    let failed = disks.make(&root.join("sandbox"), None);
    assert!(matches!(failed, Err(DiskError::NoMaker { missing: "CreateVirtualDisk", .. })), "{failed:?}");
    disks.release(&root, "test");
    assert!(!root.join("disks").exists());
}

#[test]
fn what_a_dead_shim_left_is_taken_away_in_order() {
    let stand_ins = StandIns::new();
    let (_place, root) = root();
    let disks = stand_ins.disks(&root);
    disks.release(&root, "test");
    let layer = format!("flavour=1 home= id={}", root.display());
    let detached = [
        format!("GetLayerMountPath {layer} room=0"),
        format!("GetLayerMountPath {layer} room=1"),
        r#"HcsDetachOverlayFilter volume=\\?\Volume{1}\ data={"SchemaVersion":{},"FilterType":"UnionFS"}"#
            .to_owned(),
    ];
    let rest = [
        format!("DeactivateLayer {layer}"),
        "CimDismountImage volume=738f7a76-5f2d-5fc5-aa43-120530a48964".to_owned(),
    ];
    assert_eq!(stand_ins.calls(), [&detached[..], &rest[..]].concat());
    // What is not attached keeps nothing else from being taken away.
    for (function, calls) in [
        ("GetLayerMountPath", &[&detached[..1], &rest[..]]),
        ("HcsDetachOverlayFilter", &[&detached[..], &rest[..]]),
        ("DeactivateLayer", &[&detached[..], &rest[..]]),
        ("CimDismountImage", &[&detached[..], &rest[..]]),
    ] {
        stand_ins.fail(function, 0x8007_0002);
        disks.release(&root, "test");
        assert_eq!(stand_ins.calls(), calls.concat(), "{function}");
    }
}
