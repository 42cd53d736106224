//! Who answers on the sockets.

use std::path::Path;
use std::time::Duration;

use tokio::time::timeout;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::{Release, Symptom};
use crate::differ::{connect, containerd_version};
use crate::sys;

/// How long somebody may take who answers at once.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks our daemon how it is, unless another user than root, the calling one and `owner` has made its socket.
pub(super) async fn daemon(socket: &Path, owner: u32) -> Symptom {
    match sys::require_trusted_socket(socket, owner) {
        Err(error) if !error.is_not_found() => {
            let seen = format!("the socket of the daemon cannot be trusted: {}", cause(&error));
            return Symptom::error(seen, "correct owner and mode, and restart the daemon");
        }
        _ => {}
    }
    let asked = timeout(PATIENCE, ask(socket)).await;
    let socket = socket.display();
    match asked {
        Ok(Ok(true)) => Symptom::ok(format!("the daemon serves on {socket}")),
        Ok(Ok(false)) => Symptom::error(format!("the daemon on {socket} does not serve"), "its log says why"),
        Ok(Err(error)) => Symptom::error(
            format!("no daemon answers on {socket}: {error}"),
            "start it, as `cimsnap daemon` or as a service, and look into its log",
        ),
        Err(_) => Symptom::error(
            format!("the daemon on {socket} does not answer"),
            "restart it; its log may say why",
        ),
    }
}

async fn ask(socket: &Path) -> Result<bool, String> {
    let channel = connect(socket).await.map_err(|error| cause(&error))?;
    let request = HealthCheckRequest { service: String::new() };
    let answer = HealthClient::new(channel).check(request).await;
    let status = answer.map_err(|status| status.message().to_owned())?.into_inner().status;
    Ok(status == ServingStatus::Serving as i32)
}

/// Asks containerd who it is.
pub(super) async fn containerd(socket: &Path) -> (Symptom, Option<Release>) {
    let asked = timeout(PATIENCE, containerd_version(socket)).await;
    let at = socket.display();
    let unreachable = |why: String| {
        let advice = "start containerd, or set containerd.address in our configuration to its socket";
        Symptom::error(format!("containerd does not answer on {at}{why}"), advice)
    };
    match asked {
        Ok(Ok(version)) => {
            let symptom = Symptom::ok(format!("containerd {version} answers on {at}"));
            (symptom, Release::parse(&version))
        }
        Ok(Err(error)) => (unreachable(format!(": {}", cause(&error))), None),
        Err(_) => (unreachable(String::new()), None),
    }
}

/// Says why, at the bottom of it.
fn cause(error: &(dyn std::error::Error + 'static)) -> String {
    std::iter::successors(Some(error), |error| error.source())
        .last()
        .map_or_else(String::new, ToString::to_string)
}
