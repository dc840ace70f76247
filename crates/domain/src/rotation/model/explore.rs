//! Exploration of everything that can be reached: breadth first where a shortest story is
//! wanted, depth first where only the number of states is large.

#![expect(clippy::disallowed_types, reason = "millions of keys, and their order matters nowhere")]

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

use super::world::World;

/// Which state is looked at next.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// The one that was found first: a story that ends badly is a shortest one.
    Breadth,
    /// The one that was found last: few are waiting at any time.
    Depth,
}

/// What an exploration found.
pub(super) struct Report {
    pub(super) states: usize,
    /// Steps from one state to another.
    pub(super) steps: usize,
    pub(super) ends: usize,
    /// Whether everything reachable was seen.
    pub(super) complete: bool,
    /// The story that ends in a broken invariant.
    pub(super) violation: Option<String>,
}

/// How a state was found: from which one, by which of its steps.
type Parent = (u32, u16);

/// Sees every state that can be reached, up to a limit.
pub(super) fn explore(start: &World, order: Order, states_max: usize) -> Report {
    let mut seen = HashMap::from([(start.key(), 0_u32)]);
    let mut parents: Vec<Parent> = vec![(0, 0)];
    let mut waiting = VecDeque::from([(0_u32, start.clone())]);
    let mut edges: Vec<(u32, u32)> = Vec::new();
    let mut ends = Vec::new();
    let mut complete = true;
    let mut violation = None;
    'all: while let Some((at, world)) = match order {
        Order::Breadth => waiting.pop_front(),
        Order::Depth => waiting.pop_back(),
    } {
        let steps = world.steps();
        if steps.is_empty() {
            ends.push(at);
            if let Err(what) = world.check_end() {
                violation = Some(story(start, &parents, at, &what));
                break 'all;
            }
        }
        for (nth, (_, next)) in steps.into_iter().enumerate() {
            let fresh = u32::try_from(parents.len()).unwrap();
            let to = match seen.entry(next.key()) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(_) if parents.len() >= states_max => {
                    complete = false;
                    continue;
                }
                Entry::Vacant(place) => *place.insert(fresh),
            };
            edges.push((at, to));
            if to != fresh {
                continue;
            }
            parents.push((at, u16::try_from(nth).unwrap()));
            if let Err(what) = next.check() {
                violation = Some(story(start, &parents, to, &what));
                break 'all;
            }
            waiting.push_back((to, next));
        }
    }
    drop(seen);
    if violation.is_none() && complete {
        violation = hopeless(parents.len(), &edges, &ends)
            .map(|at| story(start, &parents, at, "from here it can never end"));
    }
    Report { states: parents.len(), steps: edges.len(), ends: ends.len(), complete, violation }
}

/// A state from which no end can be reached.
fn hopeless(states: usize, edges: &[(u32, u32)], ends: &[u32]) -> Option<u32> {
    // Where each state's predecessors lie, one after the other.
    let mut starts = vec![0_usize; states + 1];
    for (_, to) in edges {
        starts[*to as usize + 1] += 1;
    }
    for i in 0..states {
        starts[i + 1] += starts[i];
    }
    let mut before = vec![0_u32; edges.len()];
    let mut filled = starts.clone();
    for (from, to) in edges {
        before[filled[*to as usize]] = *from;
        filled[*to as usize] += 1;
    }
    let mut hope = vec![false; states];
    let mut waiting: Vec<u32> = ends.to_vec();
    while let Some(at) = waiting.pop() {
        if std::mem::replace(&mut hope[at as usize], true) {
            continue;
        }
        let place = at as usize;
        waiting.extend(before[starts[place]..starts[place + 1]].iter().filter(|from| {
            let from: u32 = **from;
            !hope[from as usize]
        }));
    }
    hope.iter().position(|hope| !hope).map(|at| u32::try_from(at).unwrap())
}

/// What happened on the way to a state, line by line: walked once more from the start.
fn story(start: &World, parents: &[Parent], mut at: u32, what: &str) -> String {
    let mut way = Vec::new();
    while at != 0 {
        let (before, nth) = parents[at as usize];
        way.push(nth);
        at = before;
    }
    let mut lines = vec![String::from("a rotation is planned")];
    let mut world = start.clone();
    for nth in way.into_iter().rev() {
        let (told, next) = world.steps().swap_remove(usize::from(nth));
        lines.push(told.to_string());
        world = next;
    }
    lines.push(format!("=> {what}"));
    lines.join("\n")
}
