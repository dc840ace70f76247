//! Goal: whoever may change nothing changes nothing, also where no request of ours goes to a
//! vendor. Method: whoever is asked says no to every change.

use domain::inventory::Ask;
use domain::{Fingerprint, Workstation as Known};

use super::*;
use crate::http::tests::Bar;
use crate::workstation::Workstation;
use crate::{Consumer, Desk, ProbeOrder, Store};

fn barred() -> Observer {
    Some(Arc::new(Bar))
}

fn not_now<T: std::fmt::Debug>(ended: Result<T, Fault>) {
    let fault = ended.unwrap_err();
    assert!(matches!(&fault, Fault::Later { why, .. } if why.starts_with("no ")), "{fault}");
}

#[tokio::test]
async fn files_stay_as_they_are() {
    let directory = tempfile::tempdir().unwrap();
    let (env, sealed) = (directory.path().join(".env"), directory.path().join("s.json"));
    std::fs::write(&env, "K=one\n").unwrap();
    let key = seal::Key::from_bytes(&[7; 32]);
    SealedFile::new(sealed.clone(), &key, None).write("K", &Token::from(OLD)).await.unwrap();
    let before = std::fs::read(&sealed).unwrap();

    let dotenv = Dotenv::new(env.clone(), vec!["K".into()], barred());
    not_now(dotenv.write(&Token::from(NEW)).await);
    not_now(dotenv.remove().await);
    let store = SealedFile::new(sealed.clone(), &key, barred());
    not_now(store.write("K", &Token::from(NEW)).await);
    not_now(store.remove("K").await);
    assert_eq!(std::fs::read_to_string(env).unwrap(), "K=one\n");
    assert_eq!(std::fs::read(sealed).unwrap(), before);
}

#[tokio::test]
async fn an_application_is_asked_for_no_mail() {
    let asked = Arc::new(Mutex::new(0));
    let vendor = Scripted::serve({
        let asked = Arc::clone(&asked);
        move |_| {
            *asked.lock().unwrap() += 1;
            told(200, r#"{"id":"7"}"#)
        }
    });
    let ask = Ask {
        method: "POST".into(),
        url: vendor.url.clone(),
        private: false,
        json: None,
        expect_status: 200,
        expect_json: Vec::new(),
    };
    let token = Token::from(NEW);
    let order =
        ProbeOrder { token: &token, marker: "r-1", since: jiff::Timestamp::UNIX_EPOCH, sent: None };
    not_now(OverHttp::mail("mail", &ask, "id", barred()).send(&order).await);
    assert_eq!(*asked.lock().unwrap(), 0);
    OverHttp::mail("mail", &ask, "id", None).send(&order).await.unwrap();
    assert_eq!(*asked.lock().unwrap(), 1);
}

/// Nobody comes so far.
struct Closed;

impl Desk for Closed {
    fn at(&self, _: &SecretName, _: &ConsumerId) -> Result<Known, String> {
        Ok(Known::default())
    }

    fn offer(&self, _: &SecretName, _: &ConsumerId, _: &Token) -> Result<Known, String> {
        Err("it was offered".into())
    }

    fn withdraw(&self, _: &SecretName, _: &ConsumerId, _: &Token) -> Result<(), String> {
        Err("it was withdrawn".into())
    }

    fn forget(&self, _: &SecretName, _: &ConsumerId) -> Result<(), String> {
        Err("it was forgotten".into())
    }

    fn fingerprint(&self, _: &Token) -> Fingerprint {
        Fingerprint::from_bytes([0; 16])
    }
}

#[tokio::test]
async fn no_ticket_is_written() {
    let place = Workstation {
        secret: "prod/K".parse().unwrap(),
        id: ConsumerId::from("desk"),
        member: "ops-1".into(),
        desk: Some(Arc::new(Closed)),
        observer: barred(),
    };
    let token = Token::from(NEW);
    not_now(place.write(&token).await);
    not_now(place.withdraw(&token).await);
    not_now(place.remove().await);
    assert!(place.look().await.is_ok());
}
