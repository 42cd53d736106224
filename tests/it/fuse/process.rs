//! The life of a mount: it outlives who made it, and nothing is left of it.

use std::fs;
use std::path::Path;
use std::process::Command;

use cimsnap::cim::{ErrorKind, Writer, WriterOptions, error_chain};
use cimsnap::mount::{Liveness, MountError, MountOptions, Mounter, Unmount};

use super::{Scene, eventually, mounter, servers, unmount_when_idle};
use crate::support::{image_name, put};

fn scene() -> Scene {
    Scene::new(|writer| put(writer, "file", b"data"))
}

/// Returns the state of a process and its parent.
fn state_and_parent(pid: u32) -> (String, u32) {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let mut words = stat.rsplit_once(')').unwrap().1.split_whitespace();
    (words.next().unwrap().to_owned(), words.next().unwrap().parse().unwrap())
}

#[test]
fn a_mount_comes_and_goes_without_a_trace() {
    let scene = scene();
    let mount = scene.mount();
    let mounted = mounter().mounted(&scene.at()).unwrap().unwrap();
    assert_eq!(mounted.image, scene.image_path());
    assert_eq!(mounted.at, scene.at().canonicalize().unwrap());
    assert_eq!(mounted.liveness(), Liveness::Serving);
    assert!(mounter().list().unwrap().contains(&mounted));
    assert_eq!(servers(&scene.at()).len(), 1);
    assert_eq!(fs::read(mount.path("file")).unwrap(), b"data");

    unmount_when_idle(&scene.at());
    assert_eq!(mounter().mounted(&scene.at()).unwrap(), None);
    assert!(!mounter().list().unwrap().contains(&mounted));
    eventually("the end of the server", || servers(&scene.at()).is_empty());
    assert!(fs::read_dir(scene.at()).unwrap().next().is_none());
    let again = mounter().unmount(&scene.at(), Unmount::WhenIdle);
    assert!(matches!(again, Err(MountError::NotMounted(_))));
}

#[test]
fn the_server_is_a_stranger_to_who_started_it() {
    let scene = scene();
    let _mount = scene.mount();
    let server = servers(&scene.at())[0];
    let (state, parent) = state_and_parent(server);
    assert_ne!(parent, std::process::id());
    assert_ne!(state, "Z");
    let number = |name: &str| {
        let status = fs::read_to_string(format!("/proc/{server}/status")).unwrap();
        status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned()
    };
    assert_eq!(number("NSsid:"), server.to_string(), "the server leads a session of its own");
    assert_eq!(fs::read_link(format!("/proc/{server}/cwd")).unwrap(), Path::new("/"));
    let open = |descriptor: u32| fs::read_link(format!("/proc/{server}/fd/{descriptor}")).unwrap();
    assert_eq!((open(0).as_path(), open(1).as_path()), (Path::new("/dev/null"), Path::new("/dev/null")));
    assert_eq!(open(2), scene.root.path().join("log"));
    eventually("more than four threads", || number("Threads:").parse::<usize>().unwrap() > 4);
}

#[test]
fn a_mount_outlives_who_asked_for_it() {
    let scene = scene();
    // The program as a caller that ends when the mount is live.
    let caller = Command::new(env!("CARGO_BIN_EXE_cimsnap"))
        .args(["fuse-serve", "--detach", "--"])
        .args([scene.image_path(), scene.at()])
        .output()
        .unwrap();
    assert!(caller.status.success());
    assert_eq!(caller.stdout, b"ready");
    assert_eq!(fs::read(scene.at().join("file")).unwrap(), b"data");
    unmount_when_idle(&scene.at());
    eventually("the end of the server", || servers(&scene.at()).is_empty());
}

#[test]
fn a_killed_server_leaves_a_mount_that_can_be_cleaned_up() {
    let scene = scene();
    let mount = scene.mount();
    let open = fs::File::open(mount.path("file")).unwrap();
    let server = i32::try_from(servers(&scene.at())[0]).unwrap();
    let server = rustix::process::Pid::from_raw(server).unwrap();
    rustix::process::kill_process(server, rustix::process::Signal::KILL).unwrap();
    eventually("the death of the mount", || fs::read_dir(scene.at()).is_err());
    let mounted = mounter().mounted(&scene.at()).unwrap().unwrap();
    assert_eq!(mounted.liveness(), Liveness::Dead);
    drop(open);
    unmount_when_idle(&scene.at());
    assert!(fs::read_dir(scene.at()).unwrap().next().is_none());
    let _again = scene.mount();
    assert_eq!(fs::read(mount.path("file")).unwrap(), b"data");
}

#[test]
fn a_mount_in_use_is_kept_or_detached() {
    let scene = scene();
    let mount = scene.mount();
    let open = fs::File::open(mount.path("file")).unwrap();
    let busy = mounter().unmount(&scene.at(), Unmount::WhenIdle);
    assert!(matches!(busy, Err(MountError::Busy(_))));
    mounter().unmount(&scene.at(), Unmount::Detach).unwrap();
    assert_eq!(mounter().mounted(&scene.at()).unwrap(), None);
    assert_eq!(std::io::read_to_string(&open).unwrap(), "data", "who has it open goes on");
    assert_eq!(servers(&scene.at()).len(), 1);
    drop(open);
    eventually("the end of the server", || servers(&scene.at()).is_empty());
}

#[test]
fn reasons_travel_back() {
    let scene = scene();
    let try_mount = |image: &Path, at: &Path| {
        let error = mounter().mount(image, at, &MountOptions::default()).unwrap_err();
        (error_chain(&error), error)
    };
    let absent = scene.root.path().join("cim/none.cim");
    let (text, _) = try_mount(&absent, &scene.at());
    let path = absent.display();
    assert_eq!(text, format!("cannot open image {path}: image {path} does not exist"));

    let garbage = scene.root.path().join("cim/garbage.cim");
    fs::write(&garbage, [7; 100]).unwrap();
    let (text, _) = try_mount(&garbage, &scene.at());
    assert!(text.ends_with("garbage.cim at 0x0: the magic is not cimfile0"), "{text}");

    let (_, error) = try_mount(&scene.image_path(), &scene.root.path().join("no"));
    assert!(matches!(error, MountError::Mountpoint { .. }));
    let (text, _) = try_mount(&scene.image_path(), &scene.image_path());
    assert!(text.contains("cannot mount on") || text.contains("does not mount"), "{text}");
    assert!(servers(&scene.at()).is_empty());

    let lost = cimsnap::mount::fuse::FuseMounter::new("/bin/true");
    let error = lost.mount(&scene.image_path(), &scene.at(), &MountOptions::default()).unwrap_err();
    assert!(matches!(error, MountError::ServerLost(_)));
    let none = cimsnap::mount::fuse::FuseMounter::new("/no/such/program");
    let error = none.mount(&scene.image_path(), &scene.at(), &MountOptions::default()).unwrap_err();
    assert!(matches!(error, MountError::Start { .. }));
}

#[test]
fn a_second_mount_on_a_directory_is_refused() {
    let scene = scene();
    let _mount = scene.mount();
    let second = mounter().mount(&scene.image_path(), &scene.at(), &MountOptions::default());
    assert!(matches!(second, Err(MountError::AlreadyMounted(_))));
}

#[test]
fn a_mounted_image_is_not_replaced_and_free_at_once_after() {
    let scene = scene();
    let mount = scene.mount();
    let replace = || {
        let options = WriterOptions { sync: false, ..WriterOptions::default() };
        let mut writer = Writer::extend(scene.directory(), &image_name("a.cim"), options).unwrap();
        put(&mut writer, "new", b"x");
        writer.commit()
    };
    assert_eq!(replace().unwrap_err().kind(), ErrorKind::Conflict);
    unmount_when_idle(&scene.at());
    replace().unwrap();
    let _again = scene.mount();
    assert_eq!(fs::read(mount.path("new")).unwrap(), b"x");
}

#[test]
fn paths_with_odd_characters_mount() {
    let scene = scene();
    let at = scene.root.path().join("a b\\c,d\te");
    let image = scene.root.path().join("cim/x, y\tz 名.cim");
    fs::create_dir(&at).unwrap();
    fs::copy(scene.image_path(), &image).unwrap();
    mounter().mount(&image, &at, &MountOptions::default()).unwrap();
    let mounted = mounter().mounted(&at).unwrap().unwrap();
    assert_eq!((mounted.at, mounted.image), (at.canonicalize().unwrap(), image));
    unmount_when_idle(&at);
}
