//! Who is waited for, and for how long.

use async_trait::async_trait;
use domain::campaign::Place as Named;

use super::*;

/// A place that notes what came in one go, and refuses one key.
#[derive(Default)]
struct Noted {
    writes: Mutex<Vec<Vec<String>>>,
    refuses: Option<&'static str>,
}

#[async_trait]
impl Place for Noted {
    async fn write_all(&self, writes: &[PlacedWrite]) -> Result<Receipt, Fault> {
        let keys: Vec<String> = writes.iter().flat_map(|write| write.keys.clone()).collect();
        let refused = keys.iter().any(|key| Some(key.as_str()) == self.refuses);
        self.writes.lock().unwrap().push(keys);
        let (vendor, call, why) = ("Heroku", "PATCH".into(), "422".into());
        if refused { Err(Fault::Refused { vendor, call, why }) } else { Ok(Receipt("v1".into())) }
    }
}

fn name(key: &str) -> SecretName {
    format!("prod/{key}").parse().unwrap()
}

fn who(key: &str) -> Who {
    Who { secret: name(key), consumer: "heroku:app".into(), again: false }
}

const SOON: Duration = Duration::from_millis(40);
const LATER: Duration = Duration::from_millis(160);
const NEVER: Duration = Duration::from_secs(3_600);

fn expecting(keys: &[&str]) -> Writers {
    patient(keys, Patience { works: NEVER, people: NEVER, longest: NEVER })
}

fn patient(keys: &[&str], patience: Patience) -> Writers {
    let writers = Writers::default();
    writers.desk().patience = patience;
    let place = Named { name: "heroku:app".into(), restarts: true };
    let members = keys.iter().map(|key| (name(key), ConsumerId::from("heroku:app"))).collect();
    let turn = Turn { again: false, level: 0, wave: 1 };
    writers.expect(&[Write { place, turn, members }]);
    writers
}

async fn write(writers: &Writers, place: &Arc<Noted>, key: &str) -> Result<Receipt, Fault> {
    let placed = Placed { place: place.clone(), keys: vec![key.to_owned()] };
    writers.write(who(key), placed, Token::from("t")).await
}

fn sizes(place: &Noted) -> Vec<usize> {
    place.writes.lock().unwrap().iter().map(Vec::len).collect()
}

#[tokio::test]
async fn those_who_are_expected_together_are_written_together() {
    let (writers, place) = (expecting(&["A", "B", "C"]), Arc::new(Noted::default()));
    let late = async {
        tokio::time::sleep(SOON).await;
        write(&writers, &place, "C").await
    };
    let all = tokio::join!(write(&writers, &place, "A"), write(&writers, &place, "B"), late);
    assert!(all.0.is_ok() && all.1.is_ok() && all.2.is_ok());
    assert_eq!(sizes(&place), [3]);
}

#[tokio::test]
async fn whoever_is_not_expected_waits_for_nobody() {
    let (writers, place) = (expecting(&["A", "B"]), Arc::new(Noted::default()));
    write(&writers, &place, "X").await.unwrap();
    assert_eq!(sizes(&place), [1]);
}

#[tokio::test]
async fn one_that_leaves_is_not_waited_for() {
    let (writers, place) = (expecting(&["A", "B"]), Arc::new(Noted::default()));
    let leaves = async {
        tokio::time::sleep(SOON).await;
        assert!(sizes(&place).is_empty());
        writers.leave(&name("B"), false, None);
    };
    let (wrote, ()) = tokio::join!(write(&writers, &place, "A"), leaves);
    wrote.unwrap();
    assert_eq!(sizes(&place), [1]);
}

#[tokio::test]
async fn one_that_says_nothing_is_waited_for_a_while_and_one_that_works_longer() {
    let patience = Patience { works: SOON, people: NEVER, longest: NEVER };
    let place = Arc::new(Noted::default());
    let (writers, start) = (patient(&["A", "B"], patience), Instant::now());
    write(&writers, &place, "A").await.unwrap();
    assert!(start.elapsed() >= SOON && sizes(&place) == [1]);

    let writers = patient(&["A", "B"], Patience { works: LATER, ..patience });
    let (start, mut last) = (Instant::now(), Instant::now());
    let works = async {
        for _ in 0..5 {
            tokio::time::sleep(SOON).await;
            writers.sign(&name("B"), Life::Works);
            last = Instant::now();
        }
    };
    let (wrote, ()) = tokio::join!(write(&writers, &place, "A"), works);
    wrote.unwrap();
    assert!(start.elapsed() >= LATER + SOON && last.elapsed() >= SOON);
}

#[tokio::test]
async fn a_person_is_waited_for_longer_and_nobody_for_ever() {
    let patience = Patience { works: Duration::ZERO, people: LATER, longest: NEVER };
    let place = Arc::new(Noted::default());
    let (writers, start) = (patient(&["A", "B"], patience), Instant::now());
    writers.sign(&name("B"), Life::WaitsForPeople);
    write(&writers, &place, "A").await.unwrap();
    assert!(start.elapsed() >= LATER);

    let longest = Patience { works: NEVER, people: NEVER, longest: SOON };
    let (writers, start) = (patient(&["A", "B"], longest), Instant::now());
    write(&writers, &place, "A").await.unwrap();
    assert!(start.elapsed() >= SOON && sizes(&place) == [1, 1]);
}

#[tokio::test]
async fn one_that_is_refused_does_not_turn_the_others_back() {
    let writers = expecting(&["A", "B", "C"]);
    let place = Arc::new(Noted { refuses: Some("B"), ..Noted::default() });
    let all = tokio::join!(
        write(&writers, &place, "A"),
        write(&writers, &place, "B"),
        write(&writers, &place, "C")
    );
    assert!(all.0.is_ok() && all.2.is_ok());
    assert!(matches!(all.1, Err(Fault::Refused { .. })));
    assert_eq!(sizes(&place), [3, 1, 1, 1]);
}
