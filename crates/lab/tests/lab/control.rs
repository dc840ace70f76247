//! The control API, the state file, and the Unix socket.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use lab::{ClockMode, Control, FaultKind, FaultRule, Lab, LabConfig, StateFile, Vendor};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::{World, ask};

/// Sends bytes as they are and reads until the other side closes.
pub(crate) async fn raw(base: &str, request: &str) -> String {
    let host = base.trim_start_matches("http://");
    let mut stream = tokio::net::TcpStream::connect(host).await.expect("connects");
    stream.write_all(request.as_bytes()).await.expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("read");
    answer
}

/// Another process finds the lab by its file, disturbs it, moves its time, and stops it.
#[tokio::test]
async fn a_lab_is_controlled_through_its_state_file() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("lab.json");
    let config = LabConfig {
        clock: ClockMode::Explicit,
        state_file: Some(path.clone()),
        ..LabConfig::default()
    };
    let world = World::with(config).await;
    let mode = std::fs::metadata(&path).expect("written").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let state = StateFile::read(&path).expect("readable");
    assert_eq!((state.pid, &state.urls), (std::process::id(), &world.lab.urls()));
    let control = Control::new(&state);
    let rule = FaultRule::new(Vendor::Heroku, FaultKind::DropAfter)
        .on("POST", "/oauth/authorizations")
        .times(1);
    let id = control.add_fault(&rule).await.expect("added");
    assert_eq!(control.faults().await.expect("listed")[0].rule, rule);
    let token = world.it.heroku_management_token.clone();
    let cut = world.try_heroku(&token, "POST", "/oauth/authorizations", &json!({})).await;
    assert!(cut.is_err());
    assert_eq!(control.faults().await.expect("listed")[0].hits, 1);
    assert!(control.remove_fault(id).await.expect("removed"));
    let before = world.lab.clock().now();
    control.advance(Duration::from_secs(5)).await.expect("advanced");
    assert_eq!(world.lab.clock().now().duration_since(before).as_secs(), 5);
    assert_eq!(control.status().await.expect("status")["org"], "acme");
    assert_eq!(
        control.requests().await.expect("requests").len(),
        1,
        "control calls are not logged"
    );
    control.reset().await.expect("reset");
    control.stop().await.expect("stopping");
    world.lab.stopped().await;
    let base = world.lab.urls().heroku;
    world.lab.stop().await;
    assert!(!path.exists());
    assert!(tokio::net::TcpStream::connect(base.trim_start_matches("http://")).await.is_err());
}

/// Without the control token one may look, not touch.
#[tokio::test]
async fn changing_wants_the_control_token() {
    let world = World::new().await;
    let base = world.lab.urls().dashboard;
    let looked = ask(&base, "GET", "/lab/status", &[], Value::Null).await;
    assert_eq!(looked.status, 200);
    for secret in [
        &world.it.heroku_api_key,
        &world.it.postmark_server_token,
        &world.lab.state().control_token,
    ] {
        assert!(!looked.text().contains(secret.as_str()));
    }
    for path in ["/lab/faults", "/lab/clock/advance", "/lab/stop", "/lab/reset"] {
        assert_eq!(ask(&base, "POST", path, &[], json!({})).await.status, 403, "{path}");
    }
}

/// `gh` may speak plain HTTP over a Unix socket, with the vendor's own name as host.
#[tokio::test]
async fn github_answers_on_a_unix_socket() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("gh.sock");
    let lab = Lab::start(LabConfig { github_socket: Some(path.clone()), ..LabConfig::default() })
        .await
        .expect("starts");
    let mut stream = tokio::net::UnixStream::connect(&path).await.expect("connects");
    let request = format!(
        "GET /user HTTP/1.1\r\nhost: api.github.com\r\nauthorization: token {}\r\nconnection: close\r\n\r\n",
        lab.credentials().github_token
    );
    stream.write_all(request.as_bytes()).await.expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("read");
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("acme-ops"), "{answer}");
    lab.stop().await;
    assert!(!path.exists());
}

/// Fixed ports are given out in order, and refused where they do not fit.
#[tokio::test]
async fn fixed_ports_are_consecutive() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let taken = listener.local_addr().expect("an address").port();
    let config = LabConfig { base_port: Some(taken), ..LabConfig::default() };
    assert!(Lab::start(config).await.is_err(), "the port is taken");
    let config = LabConfig { base_port: Some(65_534), ..LabConfig::default() };
    assert!(Lab::start(config).await.is_err(), "five ports do not fit");
}
