//! The simulated apps: a steady rate, an outage that shows, and a rotation that does not.

use std::time::Duration;

use lab::{Lab, LabConfig, TokenPick, TrafficConfig, TrafficReport, TrafficSource};

async fn started() -> Lab {
    let config = LabConfig { dyno_start: Duration::from_millis(50), ..LabConfig::default() };
    Lab::start(config).await.expect("starts")
}

/// Waits until the traffic has done what is asked of it.
async fn until(traffic: &lab::Traffic, done: impl Fn(&TrafficReport) -> bool) -> TrafficReport {
    for _ in 0..600 {
        let report = traffic.report();
        if done(&report) {
            return report;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the traffic never got there: {:?}", traffic.report());
}

/// 220 mails a second, each of them accepted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rate_holds() {
    let lab = started().await;
    let traffic = lab.traffic(TrafficConfig::acme());
    until(&traffic, |report| report.total().sent >= 600).await;
    let report = traffic.stop().await;
    assert!(report.per_second() >= 200.0, "{report:?}");
    let total = report.total();
    assert_eq!((total.refused, total.failed), (0, 0), "{report:?}");
    assert_eq!(
        lab.inspect().mails_sent(),
        report.apps["acme-api-prod"].ok + report.apps["acme-api-staging"].ok
    );
    lab.stop().await;
}

/// A deleted token shows as refusals; a restart of dynos does not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_shows_and_a_rotation_does_not() {
    let lab = started().await;
    let old = lab.credentials().postmark_server_token;
    let new = lab.operator().generate_token("acme-prod").await.expect("a token");
    let traffic = lab.traffic(TrafficConfig::acme_at(100.0, 40.0));
    until(&traffic, |report| report.total().ok >= 20).await;
    for app in ["acme-api-prod", "acme-api-staging"] {
        lab.set_config_var(app, "POSTMARK_SERVER_TOKEN", Some(&new));
    }
    // Every process has the new token from its start, so the old one may go at once.
    lab.operator().delete_token("acme-prod", &TokenPick::Is(old)).await.expect("deleted");
    let calm = until(&traffic, |report| report.total().ok >= 100).await;
    assert_eq!(calm.total().refused, 0, "{calm:?}");
    lab.operator().delete_token("acme-prod", &TokenPick::Is(new)).await.expect("deleted");
    let outage = until(&traffic, |report| report.total().refused >= 5).await;
    assert_eq!(outage.refusals[0].3, 401);
    traffic.stop().await;
    let logs = lab.inspect().logs("acme-api-prod");
    assert!(logs.iter().any(|line| line.contains("postmark 401 InvalidAPIToken")));
    lab.stop().await;
}

/// A program on this machine reads its file before each request.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dotenv_file_is_read_each_time() {
    let lab = started().await;
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join(".env");
    std::fs::write(&path, "HEROKU_API_KEY=wrong\n").expect("written");
    let source = TrafficSource::Dotenv {
        name: "laptop".to_owned(),
        path: path.clone(),
        key: "HEROKU_API_KEY".to_owned(),
    };
    let traffic = lab.traffic(TrafficConfig { sources: vec![(source, 50.0)] });
    until(&traffic, |report| report.total().refused >= 2).await;
    let good = lab.credentials().heroku_api_key;
    std::fs::write(&path, format!("HEROKU_API_KEY={good}\n")).expect("written");
    until(&traffic, |report| report.total().ok >= 2).await;
    traffic.stop().await;
    lab.stop().await;
}
