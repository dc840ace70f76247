//! Goal: an answer that leaves open whether something was done is settled by looking: nothing is
//! done twice, no token is lost, and nothing is called done that is not. Method: every call that
//! changes something at a vendor, with each of six ways to lose its answer, counted from the lab's
//! own records. A sample here; all with `ROLLOVER_FULL=1`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use e2e::doubtful::{Doubt, sweep};
use e2e::full;

#[test]
fn no_doubtful_answer_does_anything_twice_or_loses_a_token() {
    let (step, benches) = if full() { (1, 14) } else { (7, 6) };
    let binary = Path::new(env!("CARGO_BIN_EXE_rollover"));
    let answers = sweep(binary, step, benches).expect("every undisturbed way is right");
    let (mut wrong, mut rows) = (Vec::new(), BTreeMap::<_, (usize, usize)>::new());
    for one in &answers {
        let row = rows.entry((one.vendor, &one.call)).or_default();
        row.0 += 1;
        row.1 += usize::from(one.struck && one.end.is_ok());
        if let Err(why) = &one.end {
            let (pairing, way, doubt, call) = (&one.pairing, one.way, one.doubt, &one.call);
            wrong.push(format!("{pairing}, {way:?}, {call}, {}: {why}", doubt.name()));
        }
    }
    for ((vendor, call), (tried, right)) in &rows {
        println!("{vendor} {call}: {tried} doubtful answers, {right} right ends");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(answers.iter().all(|one| one.struck), "a fault met no call");
    assert!(answers.iter().all(|one| one.requests.1 == 0));
    let kinds: BTreeSet<Doubt> = answers.iter().map(|one| one.doubt).collect();
    assert_eq!(kinds.len(), Doubt::ALL.len(), "a kind was left out");
}
