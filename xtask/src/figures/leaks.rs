//! Values where none may be: in places, in programs that are started, in memory.

use e2e::canary::{Sink, plant};
use e2e::memory::{Wire, may_look, of_a_rotation};
use e2e::{HEROKU, POSTMARK, leaks as leaky};

use super::{Means, Result, Section};

pub(crate) fn places(means: &Means) -> Result<Section> {
    let proof = plant::everywhere()?;
    let search = leaky::hunt(&means.binary)?;
    let (values, forms) = search.size();
    let mut section = Section::new(
        "Values where none may be",
        "One life of an installation with crashes, panics, kills, faults and a person's mistakes in it. Every\n\
         token and login is then looked for in everything that came out of the program and everything that it\n\
         left: as it is, in base64 and base64url at each offset, in hexadecimal, percent-encoded, escaped for\n\
         JSON, as a list of numbers, in UTF-16, backwards, each half of it alone, and all of that again inside of\n\
         whatever is compressed. The consumers' own dotenv files, the logins' files and those parts of requests\n\
         that bring a value to where it belongs are spared. The search is proven first: every form is planted in\n\
         every kind of place that can hold it.",
    );
    section.add("leaks: values looked for", values, "");
    section.add("leaks: forms of each", forms, "");
    section.add("leaks: kinds of places", Sink::ALL.len(), "");
    for (sink, count) in &search.places {
        section.add(format!("leaks: looked through, {}", sink.name()), count, "");
    }
    section.add("leaks: found", search.hits.len(), "");
    section.add("leaks: planted for proof", proof.planted, "");
    section.add("leaks: of these found", proof.found, "");
    for (sink, why) in &proof.skipped {
        section.add(format!("leaks: nothing planted in {}", sink.name()), why, "");
    }
    if !search.hits.is_empty() {
        return Err(format!("values were found: {:#?}", search.hits));
    }
    if proof.found != proof.planted {
        return Err(format!("planted and not found: {:#?}", proof.missed));
    }
    Ok(section)
}

pub(crate) fn started(means: &Means) -> Result<Section> {
    let mut section = Section::new(
        "Programs that are started",
        "Every command that a user has, two rotations and a way back run under strace, which sees each program\n\
         that is started with all of its arguments and its environment.",
    );
    let Some(traced) = leaky::trace(&means.binary)? else {
        section.add("starts: skipped", "there is no strace that may trace", "");
        return Ok(section);
    };
    section.add("starts: commands run", traced.commands, "");
    section.add("starts: programs started, the commands themselves included", traced.calls, "");
    section.add("starts: programs started by the commands", traced.calls - traced.own, "");
    section.add("starts: with a value in arguments or environment", traced.search.hits.len(), "");
    if traced.search.hits.is_empty() {
        Ok(section)
    } else {
        Err(format!("{:#?}", traced.search.hits))
    }
}

pub(crate) fn memory(means: &Means) -> Result<Section> {
    let mut section = Section::new(
        "Copies in memory",
        "Everything that the process can write is read through `/proc/PID/mem`, while both tokens live side by\n\
         side and nothing is under way, and after the last step, before the report is written. A copy is in use\n\
         where a login or a later step needs it. Halves without the other half count as left, too.",
    );
    if !may_look() {
        section.add("memory: skipped", "only root can look into the program", "");
        return Ok(section);
    }
    let mut left = Vec::new();
    for (secret, wire) in [
        (&HEROKU, Wire::Plain),
        (&POSTMARK, Wire::Plain),
        (&HEROKU, Wire::Tls),
        (&POSTMARK, Wire::Tls),
    ] {
        let Some(moments) = of_a_rotation(&means.binary, secret, wire)? else {
            section.add("memory: skipped over TLS", "there is no openssl", "");
            continue;
        };
        for moment in moments {
            let sum =
                |of: fn(&e2e::memory::Count) -> usize| moment.counts.iter().map(of).sum::<usize>();
            section.add(format!("memory: {}, copies", moment.when), sum(|one| one.whole), "");
            section.add(
                format!("memory: {}, of these in use", moment.when),
                sum(|one| one.in_use),
                "",
            );
            section.add(
                format!("memory: {}, left", moment.when),
                sum(e2e::memory::Count::left),
                "",
            );
            left.extend(moment.counts.into_iter().filter(|one| one.left() > 0));
        }
    }
    if left.is_empty() { Ok(section) } else { Err(format!("copies are left: {left:#?}")) }
}
