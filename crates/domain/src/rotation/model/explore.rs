//! Exploration of everything that can be reached. A state is known by the hash of what tells it
//! apart, so only those that wait to be looked at are held whole. Depth first on every processor
//! where only the number of states is large; breadth first on one where a shortest story is wanted.

#![expect(clippy::disallowed_types, reason = "millions of keys, and their order matters nowhere")]

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::thread;

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

/// Sees every state that can be reached, up to a limit.
pub(super) fn explore(start: &World, order: Order, states_max: usize) -> Report {
    let seen = Seen::new();
    let (first, _) = seen.add(start.key(), (0, 0));
    let explorer = Explorer {
        seen,
        states_max,
        pool: Mutex::new(Pool { jobs: VecDeque::from([(first, start.clone())]), idle: 0 }),
        filled: Condvar::new(),
        workers: if order == Order::Breadth { 1 } else { workers() },
        states: AtomicUsize::new(1),
        steps: AtomicUsize::new(0),
        ends: AtomicUsize::new(0),
        over: AtomicBool::new(false),
        complete: AtomicBool::new(true),
        wrong: Mutex::new(None),
    };
    thread::scope(|scope| {
        for _ in 0..explorer.workers {
            scope.spawn(|| match order {
                Order::Breadth => explorer.in_breadth(),
                Order::Depth => explorer.in_depth(),
            });
        }
    });
    let complete = explorer.complete.into_inner();
    let mut wrong = explorer.wrong.into_inner().unwrap();
    if wrong.is_none() && complete {
        let at = explorer.seen.endless();
        wrong = at.map(|at| (at, "left alone from here, it never ends".to_owned()));
    }
    let violation = wrong.map(|(at, what)| story(start, &explorer.seen, at, &what));
    start.rotation.forget_all();
    Report {
        states: explorer.states.into_inner(),
        steps: explorer.steps.into_inner(),
        ends: explorer.ends.into_inner(),
        complete,
        violation,
    }
}

fn workers() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

type Job = (Id, World);

struct Explorer {
    seen: Seen,
    states_max: usize,
    pool: Mutex<Pool>,
    filled: Condvar,
    workers: usize,
    states: AtomicUsize,
    steps: AtomicUsize,
    ends: AtomicUsize,
    over: AtomicBool,
    complete: AtomicBool,
    wrong: Mutex<Option<(Id, String)>>,
}

/// States that wait for whoever has nothing to do.
struct Pool {
    jobs: VecDeque<Job>,
    idle: usize,
}

/// A worker that has so many states waiting gives half of them to one that has none.
const KEPT_MAX: usize = 64;

impl Explorer {
    fn in_breadth(&self) {
        while let Some((at, world)) = self.pop_first() {
            let mut found = Vec::new();
            self.look_at(at, &world, &mut found);
            self.pool.lock().unwrap().jobs.extend(found);
            if self.over.load(Ordering::Relaxed) {
                return;
            }
        }
    }

    fn pop_first(&self) -> Option<Job> {
        self.pool.lock().unwrap().jobs.pop_front()
    }

    fn in_depth(&self) {
        let mut own = Vec::new();
        loop {
            let Some((at, world)) = own.pop().or_else(|| self.wait()) else { return };
            self.look_at(at, &world, &mut own);
            if self.over.load(Ordering::Relaxed) {
                self.filled.notify_all();
                return;
            }
            if own.len() > KEPT_MAX && self.somebody_waits() {
                // The oldest lead furthest.
                let half: Vec<Job> = own.drain(..KEPT_MAX / 2).collect();
                self.pool.lock().unwrap().jobs.extend(half);
                self.filled.notify_one();
            }
        }
    }

    fn somebody_waits(&self) -> bool {
        self.pool.try_lock().is_ok_and(|pool| pool.idle > 0 && pool.jobs.is_empty())
    }

    /// Another state, from somebody who has many; none once everybody waits.
    fn wait(&self) -> Option<Job> {
        let mut pool = self.pool.lock().unwrap();
        pool.idle += 1;
        loop {
            if self.over.load(Ordering::Relaxed) {
                return None;
            }
            if let Some(job) = pool.jobs.pop_back() {
                pool.idle -= 1;
                return Some(job);
            }
            if pool.idle == self.workers {
                self.over.store(true, Ordering::Relaxed);
                self.filled.notify_all();
                return None;
            }
            pool = self.filled.wait(pool).unwrap();
        }
    }

    fn look_at(&self, at: Id, world: &World, found: &mut Vec<Job>) {
        let steps = world.steps();
        if steps.is_empty() {
            self.ends.fetch_add(1, Ordering::Relaxed);
            self.seen.leads(at, at);
            if let Err(what) = world.check_end() {
                self.say(at, what);
            }
            return;
        }
        self.steps.fetch_add(steps.len(), Ordering::Relaxed);
        let mut leads = None;
        for (nth, (_, next)) in steps.into_iter().enumerate() {
            let (to, fresh) = self.seen.add(next.key(), (at, u16::try_from(nth).unwrap()));
            leads = leads.or(Some(to).filter(|to| *to != at));
            if !fresh {
                continue;
            }
            if let Err(what) = next.check() {
                return self.say(to, what);
            }
            if self.states.fetch_add(1, Ordering::Relaxed) >= self.states_max {
                self.complete.store(false, Ordering::Relaxed);
                return self.over.store(true, Ordering::Relaxed);
            }
            found.push((to, next));
        }
        if let Some(to) = leads {
            self.seen.leads(at, to);
        }
    }

    fn say(&self, at: Id, what: String) {
        self.wrong.lock().unwrap().get_or_insert((at, what));
        self.over.store(true, Ordering::Relaxed);
    }
}

/// A state's number: its place in its shard, and the shard in the lowest bits.
type Id = u32;

/// How a state was found: from which one, by which of its steps.
type Parent = (Id, u16);

const SHARDS: u32 = 64;

/// Every state that was found.
struct Seen(Vec<Mutex<Shard>>);

#[derive(Default)]
struct Shard {
    ids: HashMap<u128, Id, BuildHasherDefault<Already>>,
    found: Vec<Parent>,
    /// Where the first step leads that leads away: what happens if nothing else does.
    leads: Vec<Id>,
}

impl Seen {
    fn new() -> Self {
        Self((0..SHARDS).map(|_| Mutex::default()).collect())
    }

    fn shard(&self, id: Id) -> (&Mutex<Shard>, usize) {
        (&self.0[(id % SHARDS) as usize], (id / SHARDS) as usize)
    }

    /// The number of a state, and whether it is a new one.
    fn add(&self, key: u128, parent: Parent) -> (Id, bool) {
        let nth = u32::try_from(key >> 64 & u128::from(SHARDS - 1)).unwrap();
        let mut shard = self.0[nth as usize].lock().unwrap();
        let place = u32::try_from(shard.found.len()).unwrap();
        let id = place.checked_mul(SHARDS).unwrap() + nth;
        match shard.ids.entry(key) {
            Entry::Occupied(known) => return (*known.get(), false),
            Entry::Vacant(new) => new.insert(id),
        };
        shard.found.push(parent);
        shard.leads.push(Id::MAX);
        (id, true)
    }

    fn leads(&self, from: Id, to: Id) {
        let (shard, place) = self.shard(from);
        shard.lock().unwrap().leads[place] = to;
    }

    /// A state from which the first thing that happens, again and again, leads to no end.
    fn endless(&self) -> Option<Id> {
        let shards: Vec<_> = self.0.iter().map(|shard| shard.lock().unwrap()).collect();
        let mut ends: Vec<Vec<bool>> =
            shards.iter().map(|shard| vec![false; shard.leads.len()]).collect();
        let place = |id: Id| ((id % SHARDS) as usize, (id / SHARDS) as usize);
        let mut way = Vec::new();
        for (nth, shard) in (0..SHARDS).zip(&shards) {
            for start in (0..).take(shard.leads.len()).map(|place| place * SHARDS + nth) {
                let mut at = start;
                loop {
                    let (in_shard, nth) = place(at);
                    if ends[in_shard][nth] {
                        break;
                    }
                    way.push(at);
                    let next = shards[in_shard].leads[nth];
                    // Longer than any story: it goes in a circle.
                    if next == Id::MAX || way.len() > STEPS_MAX {
                        return Some(start);
                    }
                    if next == at {
                        break;
                    }
                    at = next;
                }
                for id in way.drain(..) {
                    let (in_shard, nth) = place(id);
                    ends[in_shard][nth] = true;
                }
            }
        }
        None
    }
}

/// More steps than any rotation of these worlds takes when nothing is in its way.
const STEPS_MAX: usize = 1_000;

/// The keys are hashes already.
#[derive(Default)]
struct Already(u64);

impl Hasher for Already {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _bytes: &[u8]) {
        unreachable!("only whole keys are hashed")
    }

    fn write_u128(&mut self, key: u128) {
        // The lower half: the upper one chose the shard.
        self.0 = u64::try_from(key & u128::from(u64::MAX)).unwrap();
    }
}

/// What happened on the way to a state, line by line: walked once more from the start.
fn story(start: &World, seen: &Seen, mut at: Id, what: &str) -> String {
    let (first, _) = seen.add(start.key(), (0, 0));
    let mut way = Vec::new();
    while at != first {
        let (shard, place) = seen.shard(at);
        let (before, nth) = shard.lock().unwrap().found[place];
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
