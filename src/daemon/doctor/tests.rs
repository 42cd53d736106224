//! What is found in configurations and on machines that are not as they should be.

use super::containerd_config::{load, merge, parse};
use super::plugins::examine;
use super::{Health, Release, Symptom, release, windows};
use crate::daemon::{Config, WindowsBuild};

const GOOD: &str = r#"
version = 3
[proxy_plugins.cimsnap]
  type = "snapshot"
  address = "/run/cimsnap/cimsnap.sock"
  capabilities = ["rebase"]
  exports = { root = "/var/lib/cimsnap" }
[proxy_plugins.cimsnap-diff]
  type = "diff"
  address = "/run/cimsnap/cimsnap.sock"
[plugins.'io.containerd.service.v1.diff-service']
  default = ["cimsnap-diff", "walking"]
[[plugins.'io.containerd.transfer.v1.local'.unpack_config]]
  platform = "linux/amd64"
  snapshotter = "overlayfs"
  differ = "walking"
[[plugins.'io.containerd.transfer.v1.local'.unpack_config]]
  platform = "linux/amd64"
  snapshotter = "cimsnap"
  differ = "cimsnap-diff"
"#;

const NEW: Release = Release { major: 2, minor: 2 };

/// What the configuration above was written for.
fn ours() -> Config {
    let mut config = Config { root: "/var/lib/cimsnap".into(), ..Config::default() };
    config.grpc.address = "/run/cimsnap/cimsnap.sock".into();
    config
}

fn faults(text: &str, release: Release) -> Vec<Symptom> {
    let symptoms = examine(&parse(text).unwrap(), &ours(), Some(release));
    symptoms.into_iter().filter(|symptom| symptom.health != Health::Ok).collect()
}

#[test]
fn a_configuration_that_works_has_no_faults() {
    assert_eq!(faults(GOOD, NEW), []);
    let full = GOOD.replace("\"snapshot\"", "\"io.containerd.snapshotter.v1\"");
    assert_eq!(faults(&full, NEW), []);
    // Nothing is lost where nobody could use it.
    let old = GOOD.replace("capabilities = [\"rebase\"]", "");
    assert_eq!(faults(&old, Release { major: 2, minor: 0 }), []);
}

#[test]
fn each_fault_is_named_alone() {
    use Health::{Error, Warning};
    let our = "address = \"/run/cimsnap/cimsnap.sock\"";
    let cases = [
        ("version = 3", "version = 2", Warning, "is of version 2"),
        ("capabilities = [\"rebase\"]", "", Warning, "does not declare rebase"),
        ("/var/lib/cimsnap", "/srv", Warning, "where our files are"),
        ("\"cimsnap-diff\", \"walking\"", "\"walking\"", Error, "does not ask cimsnap-diff"),
        ("\"cimsnap-diff\", \"walking\"", "\"walking\", \"cimsnap-diff\"", Error, "asks walking before"),
        ("differ = \"cimsnap-diff\"", "", Error, "but not with cimsnap-diff"),
        ("snapshotter = \"cimsnap\"", "snapshotter = \"native\"", Error, "unpacks nothing with cimsnap"),
        (
            "snapshotter = \"overlayfs\"\n  differ = \"walking\"",
            "snapshotter = \"cimsnap\"\n  differ = \"cimsnap-diff\"",
            Warning,
            "nothing for overlayfs",
        ),
        ("type = \"diff\"", "type = \"content\"", Error, "no proxy plugin of type diff"),
    ];
    for (from, to, health, seen) in cases {
        let [fault] = &faults(&GOOD.replace(from, to), NEW)[..] else {
            panic!("{to}: {:?}", faults(&GOOD.replace(from, to), NEW))
        };
        assert!(fault.health == health && fault.seen.contains(seen), "{to}: {fault:?}");
        assert!(!fault.advice.is_empty(), "{to}");
    }
    let seen = |text: &str, what: &str| faults(text, NEW).iter().any(|fault| fault.seen.contains(what));
    assert!(seen(&GOOD.replace(our, "address = \"unix:///run/cimsnap/cimsnap.sock\""), "takes for a path"));
    assert!(seen(&GOOD.replace("type = \"diff\"", "type = \"differ\""), "does not start"));
    assert!(seen(&GOOD.replace(our, "address = \"/run/other.sock\""), "type snapshot with our socket"));
    assert!(seen(&GOOD.replace("cimsnap]", "overlayfs]"), "has a plugin overlayfs itself"));
    assert!(seen("", "type snapshot with our socket"));
}

#[test]
fn pods_are_made_with_what_their_images_are_pulled_for() {
    let runtime = "[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.vm]\n";
    let platform = "[plugins.'io.containerd.cri.v1.images'.runtime_platforms.vm]\n";
    let all = "[plugins.'io.containerd.cri.v1.images']\nsnapshotter = \"cimsnap\"\n";
    let (us, other) = ("snapshotter = \"cimsnap\"\n", "snapshotter = \"native\"\n");
    let good = [
        vec![runtime],
        vec![runtime, other],
        vec![runtime, us, platform, us],
        vec![all, runtime],
        vec![all, runtime, us],
        vec![all, runtime, other, platform, other],
    ];
    for told in good {
        assert_eq!(faults(&format!("{GOOD}{}", told.concat()), NEW), [], "{told:?}");
    }
    let images = "their images are pulled for another";
    let pods = "its pods are made with another";
    let bad = [
        (vec![runtime, us], images),
        (vec![runtime, us, platform, other], images),
        (vec![all, runtime, us, platform, other], images),
        (vec![runtime, platform, us], pods),
        (vec![runtime, other, platform, us], pods),
        (vec![all, runtime, platform, other], images),
        (vec![all, runtime, other], pods),
    ];
    for (told, seen) in bad {
        let found = faults(&format!("{GOOD}{}", told.concat()), NEW);
        assert!(matches!(&found[..], [fault] if fault.seen.ends_with(seen)), "{told:?}: {found:?}");
    }
}

#[test]
fn one_name_for_both_plugins_is_no_configuration() {
    let twice = GOOD.replace("cimsnap-diff]", "cimsnap]");
    assert!(parse(&twice).unwrap_err().advice.contains("cannot have one name"));
}

#[test]
fn what_is_imported_counts() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    std::fs::create_dir(at("conf.d")).unwrap();
    std::fs::write(at("conf.d/cimsnap.toml"), GOOD).unwrap();
    std::fs::write(at("conf.d/other.txt"), "no TOML").unwrap();
    std::fs::write(at("config.toml"), "version = 3\nimports = [\"conf.d/*.toml\"]\n").unwrap();
    let told = load(&at("config.toml")).unwrap();
    let symptoms = examine(&told, &ours(), Some(NEW));
    assert!(symptoms.iter().all(|symptom| symptom.health == Health::Ok), "{symptoms:?}");
    assert_eq!(load(&at("none.toml")).unwrap_err().health, Health::Error);
}

#[test]
fn tables_grow_and_all_else_is_replaced() {
    let mut told = parse("a = 1\n[t]\nlist = [1]\nkept = 1").unwrap();
    merge(&mut told, parse("a = 2\n[t]\nlist = [2]").unwrap());
    assert_eq!(told, parse("a = 2\n[t]\nlist = [2]\nkept = 1").unwrap());
}

#[test]
fn releases_are_told_apart() {
    let symptom = |text: &str| release::symptom(Release::parse(text).unwrap());
    let health = |text: &str| symptom(text).health;
    assert_eq!(health("v1.7.24"), Health::Error);
    assert_eq!(health("v2.0.1"), Health::Warning);
    assert_eq!(health("2.2.0-rc.1"), Health::Ok);
    assert!(symptom("v2.4.0").seen.contains("leaves out"));
    assert!(!symptom("v2.3.0+unknown").seen.contains("leaves out"));
}

#[test]
fn builds_of_windows() {
    let cases = [
        (17763, 1, &[Health::Error][..], "Windows Server 2019 (17763.1) cannot mount"),
        (20348, 2030, &[Health::Error], "Windows Server 2022 (20348.2030) cannot mount"),
        (20348, 2031, &[Health::Ok, Health::Warning], "Windows Server 2022 (20348.2031) mounts"),
        (26100, 1, &[Health::Ok], "Windows Server 2025 (26100.1) mounts"),
        (27800, 0, &[Health::Ok], "Windows (27800.0) mounts CIM images, also"),
    ];
    for (number, revision, healths, seen) in cases {
        let symptoms = windows::examine(WindowsBuild { number, revision });
        assert_eq!(symptoms.iter().map(|symptom| symptom.health).collect::<Vec<_>>(), healths, "{seen}");
        assert!(symptoms[0].seen.starts_with(seen), "{}", symptoms[0].seen);
        assert!(symptoms.iter().all(|symptom| symptom.advice.is_empty() == (symptom.health == Health::Ok)));
    }
    let update = windows::examine(WindowsBuild { number: 20348, revision: 1 });
    assert!(update[0].advice.contains("20348.2031"), "{}", update[0].advice);
}
