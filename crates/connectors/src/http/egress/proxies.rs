//! Proxies of the environment: what they get to see. The environment of a process cannot be set
//! from inside safely, so each case is this test's own binary once more, as a child.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use domain::Token;
use domain::inventory::ConnectionKind;
use reqwest::Method;

use super::PROXY_VARIABLES;
use crate::http::tests::connection;
use crate::http::{Http, Request};

/// Tells the child what to call.
const CALL: &str = "ROLLOVER_TEST_CALL";
const TOKEN: &str = "a-token-that-no-proxy-sees";
const PASSWORD: &str = "a-password-of-the-proxy";

/// Hears everything, and refuses.
struct Ear {
    port: u16,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Ear {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&heard);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut bytes = vec![0; 8192];
                let length = stream.read(&mut bytes).unwrap_or(0);
                log.lock().unwrap().push(String::from_utf8_lossy(&bytes[..length]).into_owned());
                let _ = stream.write_all(b"HTTP/1.1 502 X\r\ncontent-length: 0\r\n\r\n");
            }
        });
        Self { port, heard }
    }

    fn heard(&self) -> Vec<String> {
        std::mem::take(&mut *self.heard.lock().unwrap())
    }
}

/// The child: one call with a token to the address that it is told.
#[tokio::test]
async fn child() {
    let Ok(url) = std::env::var(CALL) else { return };
    let http = match Http::new(&connection(ConnectionKind::Heroku, url), Path::new("/"), None) {
        Ok(http) => http,
        Err(error) => return println!("ended: {error}"),
    };
    let request = Request::change(Method::POST, &["x"]);
    let ended = http.send(request.token("authorization", "Bearer ", &Token::from(TOKEN))).await;
    println!("ended: {:?}", ended.err());
}

/// What the child says, with these variables and no others that name a proxy.
fn called(url: &str, variables: &[(&str, String)]) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "http::egress::proxies::child", "--nocapture"]);
    for name in PROXY_VARIABLES.iter().chain(&["NO_PROXY", "no_proxy", "REQUEST_METHOD"]) {
        command.env_remove(name);
    }
    command.env(CALL, url).envs(variables.iter().map(|(name, value)| (name, value)));
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && said.contains("ended: "), "{said}");
    said
}

/// The variables, the address, and how often the proxy and we are asked.
type Case<'a> = (&'a [(&'a str, &'a String)], &'a String, usize, usize);

/// Goal: a proxy sees the name of the host and its own login, and the token in no case; and this
/// machine is never reached over one.
#[test]
fn a_proxy_sees_the_name_of_the_host_and_never_a_token() {
    let (proxy, ours) = (Ear::new(), Ear::new());
    let at = |login: &str| format!("http://{login}127.0.0.1:{}", proxy.port);
    let (plain, with_login) = (at(""), at(&format!("user:{PASSWORD}@")));
    let socks = format!("socks5://127.0.0.1:{}", proxy.port);
    let far = "https://api.invalid".to_owned();
    let near = format!("http://127.0.0.1:{}", ours.port);
    let near_encrypted = format!("https://localhost:{}", ours.port);
    let all = [("HTTP_PROXY", &plain), ("HTTPS_PROXY", &plain), ("ALL_PROXY", &plain)];
    let cases: [Case<'_>; 9] = [
        (&[("HTTPS_PROXY", &plain)], &far, 1, 0),
        (&[("https_proxy", &with_login)], &far, 1, 0),
        (&[("ALL_PROXY", &with_login)], &far, 1, 0),
        (&[("HTTP_PROXY", &plain)], &far, 0, 0),
        (&[("HTTPS_PROXY", &plain), ("NO_PROXY", &"api.invalid".into())], &far, 0, 0),
        (&[("HTTPS_PROXY", &plain), ("NO_PROXY", &"*".into())], &far, 0, 0),
        (&[("HTTPS_PROXY", &plain), ("ALL_PROXY", &socks)], &far, 1, 0),
        (&all, &near, 0, 1),
        (&all, &near_encrypted, 0, 1),
    ];
    for (variables, url, by_proxy, by_us) in cases {
        let variables: Vec<(&str, String)> =
            variables.iter().map(|(name, value)| (*name, (*value).clone())).collect();
        let said = called(url, &variables);
        let (heard, reached) = (proxy.heard(), ours.heard().len());
        assert_eq!((heard.len(), reached), (by_proxy, by_us), "{variables:?} {url}: {said}");
        assert!(!said.contains(TOKEN) && !said.contains(PASSWORD), "{said}");
        for asked in heard {
            assert!(asked.starts_with("CONNECT api.invalid:443 HTTP/1.1\r\n"), "{asked}");
            assert!(!asked.contains(TOKEN), "{asked}");
            let login = variables.iter().any(|(_, value)| value.contains(PASSWORD));
            assert_eq!(asked.to_ascii_lowercase().contains("proxy-authorization:"), login);
        }
    }
}

/// Goal: a proxy that is not asked for a connection by name gets no call at all, and whoever names
/// it is told; where it would not be used it is in nobody's way.
#[test]
fn a_proxy_that_cannot_be_checked_is_refused_where_it_would_be_used() {
    let (proxy, ours) = (Ear::new(), Ear::new());
    let far = "https://api.invalid".to_owned();
    let near = format!("http://127.0.0.1:{}", ours.port);
    let spared = "NO_PROXY".to_owned();
    for scheme in ["socks4", "socks4a", "socks5", "socks5h"] {
        let socks = format!("{scheme}://127.0.0.1:{}", proxy.port);
        for name in ["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy"] {
            let said = called(&far, &[(name, socks.clone())]);
            assert!(said.contains(&format!("({scheme}://)")), "{name}: {said}");
            assert!(said.contains("NO_PROXY"), "{said}");
            for host in ["api.invalid", "*", ".invalid"] {
                let said = called(&far, &[(name, socks.clone()), (&spared, host.into())]);
                // However the search for a name ends that does not exist, and how soon.
                assert!(!said.contains(&format!("({scheme}://)")), "{name}, {host}: {said}");
            }
            let said = called(&near, &[(name, socks.clone())]);
            assert!(!said.contains(scheme), "{said}");
            assert_eq!(ours.heard().len(), 1);
        }
    }
    assert!(proxy.heard().is_empty());
}
