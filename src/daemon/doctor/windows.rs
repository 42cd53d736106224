//! What the build of Windows is good for.

use super::Symptom;
use crate::daemon::WindowsBuild;

/// What whoever cannot mount images does instead.
const ELSEWHERE: &str = "use containerd's own snapshotter, windows, on this node";

/// Looks at a build of Windows.
pub(super) fn examine(build: WindowsBuild) -> Vec<Symptom> {
    if !build.mounts_images() {
        return vec![cannot_mount(build)];
    }
    let mounts = Symptom::ok(format!("{build} mounts CIM images{}", also(build)));
    let caution = build.caution().map(|caution| {
        Symptom::warning(
            caution.to_string(),
            "keep max_concurrent_unpacks of containerd and maxParallelImagePulls of the kubelet as low, since containers \
             are started without us; limits.mounts and workers allow more, and Windows Server 2025 is not known to crash",
        )
    });
    [mounts].into_iter().chain(caution).collect()
}

fn cannot_mount(build: WindowsBuild) -> Symptom {
    let advice = match build.needs_update() {
        true => format!("install the updates of Windows, to 20348.2031 at least; until then, {ELSEWHERE}"),
        false => format!(
            "{ELSEWHERE}; Windows Server 2022 with its updates and Windows Server 2025 mount CIM images"
        ),
    };
    Symptom::error(format!("{build} cannot mount CIM images"), advice)
}

fn also(build: WindowsBuild) -> &'static str {
    match (build.mounts_block_images(), build.mounts_verified_images()) {
        (true, true) => ", also such as are one file or verified, which nothing needs today",
        (true, false) => ", also such as are one file, which nothing needs today",
        (false, _) => "",
    }
}
