//! The tests of this directory, which are written in Go: each runs in a process of its own.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

#[path = "../go_program.rs"]
mod go_program;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use go_program::go_tests;

/// The compiled tests, brought up to date by what installs all that they need.
static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let status = Command::new(project.join("tests/setup/containerd.sh")).status().unwrap();
    assert!(status.success(), "tests/setup/containerd.sh: {status}");
    project.join("target/tools/bin/containerd.test")
});

fn program() -> Command {
    let mut command = Command::new(&*PROGRAM);
    let library = std::env::current_exe().unwrap().with_file_name("libcimsnap.so");
    command.arg("-test.root").env("CIMSNAP", env!("CARGO_BIN_EXE_cimsnap")).env("CIMSNAP_LIBRARY", library);
    command
}

go_tests! {
    program:
    a_bench: "TestBench",
    a_bench_says_what_is_not_measured: "TestBenchSaysWhatIsNotMeasured",
    a_bench_that_is_ended_leaves_nothing: "TestEndedBenchLeavesNothing",
    a_committed_container_is_an_image: "TestCommittedContainerIsAnImage",
    a_container_outlives_an_update: "TestContainerOutlivesAnUpdate",
    a_container_outlives_the_daemon: "TestContainerOutlivesTheDaemon",
    a_container_runs: "TestContainerRuns",
    a_doctor_finds_no_fault: "TestDoctorFindsNoFault",
    a_fsck_reads_blobs_of_containerd: "TestFsckReadsBlobsOfContainerd",
    a_pod_runs: "TestPodRuns",
    a_pull_after_the_daemon_was_killed: "TestPullAfterTheDaemonWasKilled",
    a_pull_layer_by_layer: "TestPullLayerByLayer",
    a_pull_side_by_side: "TestPullSideBySide",
    a_pull_through_the_client: "TestPullThroughTheClient",
    builds_are_what_others_unpack: "TestBuildKitBuildsWhatOthersUnpack",
    an_authority_that_is_a_pipe: "TestAuthorityOfAPipe",
    an_image_of_windows: "TestWindowsImage",
    an_image_of_windows_by_the_native_engine: "TestWindowsImageOfTheNativeEngine",
    changesets_are_those_of_containerd: "TestChangesetsAreThoseOfContainerd",
    claimed_diff_ids: "TestClaimedDiffIDs",
    containers_share_an_image: "TestContainersShareAnImage",
    known_layers_are_not_fetched: "TestKnownLayersAreNotFetched",
    leases_of_blobs_end: "TestLeasesOfBlobsEnd",
    namespaces_bring_their_blobs: "TestNamespacesBringTheirBlobs",
    namespaces_stand_alone: "TestNamespacesStandAlone",
    nerdctl_runs_and_commits: "TestNerdctl",
    no_change_is_the_empty_layer: "TestNoChangeIsTheEmptyLayer",
    pruned_builds_leave_nothing: "TestPrunedBuildsLeaveNothing",
    pulls_at_once: "TestPullsAtOnce",
    removed_images_leave_nothing: "TestRemovedImagesLeaveNothing",
    sockets_have_no_entries: "TestSocketsHaveNoEntries",
    source_date_epoch_limits_times: "TestSourceDateEpochLimitsTimes",
    the_kubelet_sees_the_disk: "TestKubeletSeesTheDisk",
    the_stages_of_a_pull: "TestTraces",
    the_stages_of_a_pull_that_fails: "TestTracesOfFailures",
    the_suite_of_snapshotters: "TestSnapshotterSuite",
    the_suite_through_metadata: "TestSnapshotterSuiteThroughMetadata",
}
