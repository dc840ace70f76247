//! Forms of addresses that have led programs astray: each is refused where it is written, or when
//! it is to be connected to, and nobody but the host that is named is ever connected to.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::Token;
use domain::inventory::{Inventory, SourceFile, load};
use reqwest::Method;

use super::*;
use crate::Fault;
use crate::http::{Http, Request};

/// What becomes of a form.
#[derive(Clone, Copy)]
enum Fate {
    /// Refused where it is written, with these words.
    Load(&'static str),
    /// Refused when it is to be connected to, with these words.
    Connect(&'static str),
    /// Connected to.
    Reached,
}
use Fate::{Connect, Load, Reached};

/// `OURS` and `THEIRS` stand for ports of this machine: what the inventory means, and what must
/// never see a connection.
const FORMS: &[(&str, Fate)] = &[
    // What is meant.
    ("http://127.0.0.1:OURS", Reached),
    ("http://127.0.0.1:OURS/", Reached),
    ("http://127.0.0.1:OURS/base/path", Reached),
    ("http://localhost:OURS", Reached),
    ("https://127.0.0.1:OURS", Reached),
    ("https://localhost:OURS", Reached),
    // Plain http beyond this machine.
    ("http://api.example", Load("not https")),
    ("http://10.0.0.1", Load("not https")),
    ("http://127.0.0.1.nip.example:THEIRS", Load("not https")),
    ("http://localhost.example:THEIRS", Load("not https")),
    ("http://app.localhost:THEIRS", Load("not https")),
    ("http://[::ffff:10.0.0.1]:THEIRS", Load("not https")),
    // Other schemes.
    ("ftp://127.0.0.1:THEIRS", Load("not https")),
    ("file:///etc/passwd", Load("not https")),
    ("gopher://127.0.0.1:THEIRS/_GET", Load("not https")),
    ("data:text/plain,x", Load("not https")),
    ("javascript:alert(1)", Load("not https")),
    ("unix:/run/docker.sock", Load("not https")),
    ("ws://127.0.0.1:THEIRS", Load("not https")),
    ("jar:https://api.example!/", Load("not https")),
    ("//api.example", Load("no address")),
    ("api.example", Load("no address")),
    ("", Load("no address")),
    // Logins, and hosts that hide behind one.
    ("https://user:password@api.example", Load("a login")),
    ("https://user@api.example", Load("a login")),
    ("https://:@api.example", Load("read as `https://api.example`")),
    ("https://api.example@127.0.0.1:THEIRS", Load("a login")),
    ("http://127.0.0.1:OURS@169.254.169.254", Load("a login")),
    ("https://api.example%40evil.example", Load("no address")),
    ("https://api.example:443@evil.example", Load("a login")),
    // Characters that readers disagree about.
    ("https://api.example\\@evil.example", Load("no backslash")),
    ("https:\\\\evil.example", Load("no backslash")),
    ("https://api.example\t.evil.example", Load("visible ASCII")),
    ("https://api.example\n.evil.example", Load("visible ASCII")),
    ("https://api.example\r\nx-header: y", Load("visible ASCII")),
    (" https://api.example", Load("visible ASCII")),
    ("https://api.example ", Load("visible ASCII")),
    ("https://api.example\u{0}.evil.example", Load("visible ASCII")),
    ("https://api\u{3002}example", Load("visible ASCII")),
    ("https://\u{430}pi.example", Load("visible ASCII")),
    ("https://\u{ff41}pi.example", Load("visible ASCII")),
    ("https://\u{2460}.\u{2460}.\u{2460}.\u{2460}", Load("visible ASCII")),
    ("https://api\u{200b}.example", Load("visible ASCII")),
    ("https://api\u{ad}.example", Load("visible ASCII")),
    // Read as something else than stands there.
    ("https:///api.example", Load("read as")),
    ("https:api.example", Load("read as")),
    ("https:/api.example", Load("read as")),
    ("HTTPS://api.example", Load("read as")),
    ("https://API.example", Load("read as")),
    ("https://%61pi.example", Load("read as")),
    ("https://api.example:443", Load("read as")),
    ("https://api.example:0443", Load("read as")),
    ("https://api.example/a/../b", Load("read as")),
    ("https://api.example/a/%2e%2e/b", Load("read as")),
    ("https://api.example:0", Load("port 0")),
    ("https://api.example:99999", Load("no address")),
    ("https://api.example.", Load("ends in a dot")),
    ("https://api..example", Load("no name of a host")),
    ("https://-api.example", Load("no name of a host")),
    ("https://api_example!", Load("no name of a host")),
    ("https://.example", Load("no name of a host")),
    ("https://", Load("no address")),
    ("https://api.example/?x=https://evil.example", Load("query")),
    ("https://api.example/#@evil.example", Load("fragment")),
    // Numbers in disguise.
    ("http://2130706433:THEIRS", Load("read as `http://127.0.0.1")),
    ("http://0x7f000001:THEIRS", Load("read as `http://127.0.0.1")),
    ("http://0x7f.0.0.1:THEIRS", Load("read as `http://127.0.0.1")),
    ("http://0177.0.0.1:THEIRS", Load("read as `http://127.0.0.1")),
    ("http://017700000001:THEIRS", Load("read as `http://127.0.0.1")),
    ("http://127.1:THEIRS", Load("read as `http://127.0.0.1")),
    ("http://127.0.1:THEIRS", Load("read as `http://127.0.0.1")),
    ("http://127.0.0.1.:THEIRS", Load("read as `http://127.0.0.1")),
    ("http://127.000.000.001:THEIRS", Load("read as `http://127.0.0.1")),
    ("https://2852039166", Load("link-local")),
    ("https://0xa9fea9fe", Load("link-local")),
    ("https://0251.0376.0251.0376", Load("link-local")),
    ("https://127.0.0.256", Load("no address")),
    ("https://1.2.3.4.5", Load("no address")),
    ("https://[::1", Load("no address")),
    ("https://[fe80::1%25eth0]", Load("no address")),
    ("https://[0:0:0:0:0:0:0:1]:THEIRS", Load("read as")),
    // Metadata services and what is no host.
    ("https://169.254.169.254", Load("link-local")),
    ("https://169.254.169.254/latest/meta-data", Load("link-local")),
    ("https://169.254.170.2", Load("link-local")),
    ("https://100.100.100.200", Load("metadata")),
    ("https://192.0.0.192", Load("metadata")),
    ("https://168.63.129.16", Load("metadata")),
    ("https://[fd00:ec2::254]", Load("metadata")),
    ("https://[fe80::a9fe:a9fe]", Load("link-local")),
    ("https://[::ffff:169.254.169.254]", Load("link-local")),
    ("https://[::ffff:a9fe:a9fe]", Load("link-local")),
    ("https://[::a9fe:a9fe]", Load("no more")),
    ("https://[64:ff9b::a9fe:a9fe]", Load("link-local")),
    ("https://[2002:a9fe:a9fe::1]", Load("link-local")),
    ("https://0.0.0.0:THEIRS", Load("not a host")),
    ("https://0:THEIRS", Load("not a host")),
    ("https://[::]:THEIRS", Load("not a host")),
    ("https://255.255.255.255", Load("no single host")),
    ("https://224.0.0.1", Load("no single host")),
    ("https://metadata.google.internal", Load("metadata")),
    ("https://metadata", Load("metadata")),
    // Names that stand for something else.
    ("https://rebind.example:THEIRS", Connect("127.0.0.1, which is this machine")),
    ("https://rebind6.example:THEIRS", Connect("::1, which is this machine")),
    ("https://mapped.example:THEIRS", Connect("::ffff:127.0.0.1, which is this machine")),
    ("https://lan.example:THEIRS", Connect("private = true")),
    ("https://ula.example:THEIRS", Connect("private = true")),
    ("https://cgnat.example:THEIRS", Connect("private = true")),
    ("https://meta.example:THEIRS", Connect("link-local")),
    ("https://meta6.example:THEIRS", Connect("metadata")),
    ("https://nat64.example:THEIRS", Connect("link-local")),
    ("https://zero.example:THEIRS", Connect("not a host")),
    ("https://mixed.example:THEIRS", Connect("127.0.0.1, which is this machine")),
    ("https://none.example:THEIRS", Connect("no address")),
    ("https://xn--pi-7kc.example:THEIRS", Connect("127.0.0.1, which is this machine")),
];

/// Names, and what they stand for in here. `localhost` changes its mind in one test.
struct Names {
    known: BTreeMap<&'static str, Vec<&'static str>>,
    asked: Mutex<Vec<String>>,
    proxies: Vec<String>,
}

impl Names {
    fn new(more: &[(&'static str, &[&'static str])]) -> Arc<Self> {
        let known: &[(&str, &[&str])] = &[
            ("localhost", &["127.0.0.1"]),
            ("rebind.example", &["127.0.0.1"]),
            ("rebind6.example", &["::1"]),
            ("mapped.example", &["::ffff:127.0.0.1"]),
            ("lan.example", &["10.1.2.3"]),
            ("ula.example", &["fd12::1"]),
            ("cgnat.example", &["100.64.0.1"]),
            ("meta.example", &["169.254.169.254"]),
            ("meta6.example", &["fd00:ec2::254"]),
            ("nat64.example", &["64:ff9b::a9fe:a9fe"]),
            ("zero.example", &["0.0.0.0"]),
            ("mixed.example", &["1.1.1.1", "127.0.0.1"]),
            ("none.example", &[]),
            ("xn--pi-7kc.example", &["127.0.0.1"]),
        ];
        let all = known.iter().chain(more).map(|(name, found)| (*name, found.to_vec()));
        Arc::new(Self { known: all.collect(), asked: Mutex::default(), proxies: Vec::new() })
    }
}

impl Surroundings for Names {
    fn lookup(&self, name: &str) -> LookingUp {
        self.asked.lock().unwrap().push(name.to_owned());
        let found = self
            .known
            .get(name)
            .map(|found| found.iter().map(|ip| ip.parse::<IpAddr>().unwrap()).collect::<Vec<_>>());
        Box::pin(async move { found.ok_or_else(|| io::Error::other("no such name")) })
    }

    fn proxies(&self) -> Vec<String> {
        self.proxies.clone()
    }
}

/// Says the same to everybody, and counts them.
struct Counting {
    port: u16,
    connections: Arc<AtomicUsize>,
}

impl Counting {
    fn serve(says: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                counted.fetch_add(1, Ordering::SeqCst);
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(says.as_bytes());
            }
        });
        Self { port, connections }
    }

    fn taken(&self) -> usize {
        self.connections.swap(0, Ordering::SeqCst)
    }
}

const EMPTY: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

const HEAD: &str = "schema = 1\norg = \"acme\"\n[state]\ndatabase = \"x.db\"\nkey = { file = \"k\" }\n\
                    [stores.local]\nkind = \"sealed\"\nfile = \"f\"\n";
const ISSUER: &str =
    "[issuers.p]\nkind = \"postmark-server\"\nvia = \"p\"\nserver = \"acme-prod\"\n";

fn file(path: &str, text: String) -> SourceFile {
    SourceFile { path: path.into(), text }
}

/// An inventory with this address of a connection.
fn with_connection(url: &str) -> Result<Inventory, String> {
    let url = serde_json::to_string(url).unwrap();
    let main = format!("{HEAD}{ISSUER}[connections.p]\nkind = \"postmark\"\nurl = {url}\n");
    let wrong = |wrong: Vec<domain::inventory::Diagnostic>| wrong[0].to_string();
    let loaded = load(&file("rollover.toml", main), &[]).map_err(wrong);
    loaded.map_err(|text| text.strip_prefix("rollover.toml:15:7: ").unwrap().to_owned())
}

/// An inventory with this address of a probe.
fn with_probe(url: &str) -> Result<Inventory, String> {
    let url = serde_json::to_string(url).unwrap();
    let main = format!("{HEAD}{ISSUER}[connections.p]\nkind = \"postmark\"\n");
    let secret = format!(
        "name = \"A\"\nenvironment = \"prod\"\nissuer = \"p\"\nstore = {{ in = \"local\" }}\n\
         [[verify]]\nkind = \"health\"\nurl = {url}\n"
    );
    let wrong = |wrong: Vec<domain::inventory::Diagnostic>| wrong[0].to_string();
    let secret = [file("secrets/a.toml", secret)];
    let loaded = load(&file("rollover.toml", main), &secret).map_err(wrong);
    loaded.map_err(|text| text.strip_prefix("secrets/a.toml:7:7: ").unwrap().to_owned())
}

/// One call with a token over the inventory's connection.
async fn call(inventory: &Inventory, names: &Arc<Names>) -> Option<Fault> {
    let connection = &inventory.connections["p"];
    let http = Http::within(connection, Path::new("/"), None, names.clone()).unwrap();
    let request = Request::change(Method::POST, &["server"]);
    http.send(request.token("authorization", "Bearer ", &Token::from("a-token"))).await.err()
}

async fn look(inventory: &Inventory, names: &Arc<Names>) -> Option<Fault> {
    let ask = inventory.secrets.values().next().unwrap().probes[0].kind.ask().unwrap();
    let answer = crate::probe::OverHttp::health("health", ask).within(names.clone()).await;
    answer.and_then(|answer| crate::probe::read_probe(&answer, ask)).err()
}

/// Goal: what becomes of each form, and that nobody else is connected to or asked for. Method:
/// each is written as a connection's and as a probe's address, loaded, and called where it loads;
/// sockets and look-ups are counted.
#[tokio::test]
async fn every_form_ends_as_it_should_and_nobody_else_is_reached() {
    assert!(FORMS.len() >= 60);
    let (ours, theirs) = (Counting::serve(EMPTY), Counting::serve(EMPTY));
    let ports = |form: &str| {
        form.replace("OURS", &ours.port.to_string()).replace("THEIRS", &theirs.port.to_string())
    };
    let (mut wrong, mut sum) = (Vec::new(), [0; 4]);
    for (form, fate) in FORMS {
        let text = ports(form);
        let host = Url::parse(&text).ok().and_then(|url| url.host_str().map(str::to_owned));
        for probe in [false, true] {
            sum[0] += 1;
            let names = Names::new(&[]);
            let loaded = if probe { with_probe(&text) } else { with_connection(&text) };
            let fault = match (&loaded, fate) {
                (Err(why), Load(words)) => {
                    sum[1] += 1;
                    let empty = text.is_empty() && why.contains("is empty");
                    if !why.contains(words) && !empty {
                        wrong.push(format!("{form}: {why}"));
                    }
                    continue;
                }
                // A probe may ask with a query.
                (Ok(_), Load("query")) if probe => continue,
                (Err(why), _) => {
                    wrong.push(format!("{form} does not load: {why}"));
                    continue;
                }
                (Ok(_), Load(words)) => {
                    wrong.push(format!("{form} loads, but should not: {words}"));
                    continue;
                }
                (Ok(inventory), _) if probe => look(inventory, &names).await,
                (Ok(inventory), _) => call(inventory, &names).await,
            };
            for asked in names.asked.lock().unwrap().iter() {
                assert_eq!(Some(asked), host.as_ref(), "{form}: another name was asked for");
            }
            let reached = ours.taken();
            match fate {
                Connect(words) => {
                    sum[2] += 1;
                    let why = fault.as_ref().map(Fault::why).unwrap_or_default();
                    assert!(matches!(fault, Some(Fault::Later { .. })), "{form}: {fault:?}");
                    assert!(why.contains(words), "{form}: {why}");
                    assert_eq!(reached, 0, "{form}");
                }
                _ => assert_eq!(reached, 1, "{form}: {fault:?}"),
            }
        }
        let foreign = theirs.taken();
        sum[3] += foreign;
        assert_eq!(foreign, 0, "{form}: somebody else was connected to");
    }
    // Read by `cargo xtask figures`.
    println!("egress: {sum:?}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Goal: whatever an answer names (a redirect, a next page, a refresh) is not gone to.
#[tokio::test]
async fn nothing_that_an_answer_names_is_followed() {
    let theirs = Counting::serve(EMPTY);
    for status in [201, 300, 301, 302, 303, 307, 308, 401, 407] {
        for target in ["http://127.0.0.1", "http://localhost", "//127.0.0.1", "https://127.0.0.1"] {
            let target = format!("{target}:{}/x", theirs.port);
            let says: &'static str = Box::leak(
                format!(
                    "HTTP/1.1 {status} X\r\nlocation: {target}\r\nrefresh: 0; url={target}\r\n\
                     link: <{target}>; rel=\"next\"\r\nalt-svc: h2=\"127.0.0.1:{}\"\r\n\
                     proxy-authenticate: Basic\r\nnext-range: {target}\r\n\
                     content-length: 0\r\nconnection: close\r\n\r\n",
                    theirs.port
                )
                .into_boxed_str(),
            );
            let ours = Counting::serve(says);
            let url = format!("http://127.0.0.1:{}", ours.port);
            let names = Names::new(&[]);
            let _ = call(&with_connection(&url).unwrap(), &names).await;
            let _ = look(&with_probe(&url).unwrap(), &names).await;
            assert_eq!(ours.taken(), 2, "{status}: asked once each");
            assert_eq!(theirs.taken(), 0, "{status} {target}");
        }
    }
}

fn rules(private: bool) -> Rules {
    let proxies = ["proxy.example".to_owned()].into();
    Rules { host: "api.example".into(), private, proxies }
}

fn ips(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn what_is_checked_is_what_is_connected_to() {
    let public = ips(&["1.1.1.1", "2606:4700::1111"]);
    assert_eq!(rules(false).allowed("api.example", public.clone()), Ok(public.clone()));
    let foreign = rules(true).allowed("other.example", public);
    assert_eq!(foreign, Err(EgressError::Foreign("other.example".into())));
    let lan = ips(&["10.0.0.7"]);
    assert!(rules(false).allowed("api.example", lan.clone()).is_err());
    assert_eq!(rules(true).allowed("api.example", lan.clone()), Ok(lan.clone()));
    assert_eq!(rules(false).allowed("proxy.example", lan.clone()), Ok(lan));
    for never in ["127.0.0.1", "169.254.169.254", "fd00:ec2::254", "0.0.0.0", "::ffff:127.0.0.1"] {
        assert!(rules(true).allowed("api.example", ips(&[never])).is_err(), "{never}");
        assert!(rules(true).allowed("api.example", ips(&["1.1.1.1", never])).is_err(), "{never}");
    }
    assert!(rules(true).allowed("proxy.example", ips(&["169.254.169.254"])).is_err());
    let local = Rules { host: "localhost".into(), ..rules(true) };
    assert!(local.allowed("localhost", ips(&["127.0.0.1", "::1"])).is_ok());
    assert!(local.allowed("localhost", ips(&["10.0.0.1"])).is_err(), "localhost is this machine");
    assert!(local.allowed("localhost", ips(&["1.1.1.1"])).is_err());
}

/// Goal: a name that is honest when it is checked and lies right after it is looked up once.
#[tokio::test]
async fn a_name_is_looked_up_once_a_connection() {
    let ours = Counting::serve(EMPTY);
    let names = Names::new(&[]);
    let url = format!("http://localhost:{}", ours.port);
    assert!(call(&with_connection(&url).unwrap(), &names).await.is_none());
    assert_eq!(*names.asked.lock().unwrap(), ["localhost"]);
    assert_eq!(ours.taken(), 1);
}

#[test]
fn the_host_of_a_proxy() {
    for (text, host) in [
        ("http://proxy.example:3128", Some("proxy.example")),
        ("http://user:p@ss@Proxy.example:3128/", Some("proxy.example")),
        ("proxy.example:3128", Some("proxy.example")),
        ("", None),
        ("http://", None),
    ] {
        assert_eq!(host_of(text).as_deref(), host, "{text}");
    }
}
