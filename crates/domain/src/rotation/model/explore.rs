//! Breadth-first exploration: the first story that ends badly is a shortest one.

use std::collections::{BTreeMap, VecDeque};

use super::world::World;

/// What an exploration found.
pub(super) struct Report {
    pub(super) states: usize,
    pub(super) ends: usize,
    /// Whether everything reachable was seen.
    pub(super) complete: bool,
    /// The shortest story that ends in a broken invariant.
    pub(super) violation: Option<String>,
}

/// Sees every state that can be reached, up to a limit.
pub(super) fn explore(start: World, states_max: usize) -> Report {
    let mut seen: BTreeMap<Vec<u8>, (usize, String)> = BTreeMap::new();
    let mut stories: Vec<(usize, String)> = vec![(0, "a rotation is planned".into())];
    let mut queue = VecDeque::from([(0_usize, start)]);
    let (mut ends, mut complete) = (0, true);
    while let Some((at, world)) = queue.pop_front() {
        let steps = world.steps();
        if steps.is_empty() {
            ends += 1;
            if let Err(what) = world.check_end() {
                return broken(&stories, at, &what, seen.len(), ends);
            }
        }
        for (told, next) in steps {
            let key = next.key();
            if seen.contains_key(&key) {
                continue;
            }
            let place = stories.len();
            stories.push((at, told));
            if let Err(what) = next.check() {
                return broken(&stories, place, &what, seen.len(), ends);
            }
            if seen.len() >= states_max {
                complete = false;
                continue;
            }
            seen.insert(key, (place, String::new()));
            queue.push_back((place, next));
        }
    }
    Report { states: seen.len(), ends, complete, violation: None }
}

fn broken(
    stories: &[(usize, String)],
    mut at: usize,
    what: &str,
    states: usize,
    ends: usize,
) -> Report {
    let mut lines = vec![format!("=> {what}")];
    while at != 0 {
        let (before, told) = &stories[at];
        lines.push(told.clone());
        at = *before;
    }
    lines.reverse();
    Report { states, ends, complete: false, violation: Some(lines.join("\n")) }
}
