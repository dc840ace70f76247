//! What is not the token: account, message, network, vendor, the program itself.

use lab::{FaultKind, FaultRule, Knobs, Sending, Standing, Vendor};

use super::super::{Asked, Scene, Situation};
use super::{act, heroku, postmark, situation};
use crate::{Result, Secret};

pub(super) fn situations() -> Vec<Situation> {
    [faults(), ways(), accounts(), mails(), programs()].into_iter().flatten().collect()
}

/// Answers that are not about the token.
fn faults() -> Vec<Situation> {
    let with = |what: &str, secret: &'static Secret, cause, kind: FaultKind| {
        let vendor = if secret.key == postmark().key { Vendor::Postmark } else { Vendor::Heroku };
        let breaks = move |scene: &Scene<'_>| {
            scene.stage.lab().fault(FaultRule::new(vendor, kind.clone()));
            Ok(())
        };
        let name = format!("{}: {what}", vendor.name());
        situation(name, secret, "store", cause, act(breaks)).mended(|scene| {
            scene.stage.lab().faults().clear();
            Ok(())
        })
    };
    vec![
        with("a firewall's page", postmark(), "firewall", FaultKind::Html403),
        with("a firewall's page", heroku(), "firewall", FaultKind::Html403),
        with("maintenance", postmark(), "outage", FaultKind::Error5xxBefore { status: 503 }),
        with("a server error", postmark(), "outage", FaultKind::Error5xxBefore { status: 500 }),
        with("a server error", heroku(), "outage", FaultKind::Error5xxBefore { status: 502 }),
        with(
            "too many calls",
            postmark(),
            "rate-limit",
            FaultKind::Status429 { retry_after: None },
        ),
        with(
            "too many calls",
            heroku(),
            "rate-limit",
            FaultKind::Status429 { retry_after: Some(7) },
        ),
        with("the connection breaks", postmark(), "unreachable", FaultKind::DropBefore),
        with("the answer breaks", postmark(), "unreachable", FaultKind::ResetInBody),
        with("no answer", postmark(), "unreachable", FaultKind::HangBefore),
        with("nonsense", postmark(), "wrong-address", FaultKind::Garbage),
    ]
}

/// Ways to the vendor that lead elsewhere.
fn ways() -> Vec<Situation> {
    let with = |what: &str, cause, url: fn(&str, &Scene<'_>) -> String| {
        let breaks = move |scene: &Scene<'_>| {
            let right = scene.stage.lab().urls().postmark;
            let wrong = url(&right, scene);
            scene
                .stage
                .edit("rollover.toml", |text| text.replace(&format!("url = \"{right}\""), &wrong))
        };
        situation(format!("the way: {what}"), postmark(), "store", cause, act(breaks)).mended(
            move |scene| {
                let right = scene.stage.lab().urls().postmark;
                let wrong = url(&right, scene);
                scene.stage.edit("rollover.toml", |text| {
                    text.replace(&wrong, &format!("url = \"{right}\""))
                })
            },
        )
    };
    vec![
        with("nobody listens", "unreachable", |_, _| "url = \"http://127.0.0.1:1\"".into()),
        with("no TLS at the port", "tls", |right, _| {
            format!("url = \"{}\"", right.replace("http://", "https://"))
        }),
        with("a proxy that is not there", "proxy", |right, _| {
            let url = right.replace("http://", "https://");
            format!("url = \"{url}\"\nproxy = \"http://127.0.0.1:1\"")
        }),
        with("another service", "wrong-address", |_, scene| {
            format!("url = \"{}\"", scene.stage.lab().urls().github)
        }),
        situation("the clock is an hour off", postmark(), "store", "clock", {
            act(|scene| knob(scene, |knobs| knobs.date_ahead = Some(3_600)))
        })
        .mended(|scene| knob(scene, |knobs| knobs.date_ahead = None)),
    ]
}

fn knob(scene: &Scene<'_>, turn: impl FnOnce(&mut Knobs)) -> Result<()> {
    scene.stage.lab().knobs(turn);
    Ok(())
}

/// Accounts that may not.
fn accounts() -> Vec<Situation> {
    let heroku_standing = |what: &str, standing: Standing| {
        situation(format!("heroku: {what}"), heroku(), "store", "account", {
            act(move |scene| knob(scene, |knobs| knobs.heroku.standing = standing))
        })
        .mended(|scene| knob(scene, |knobs| knobs.heroku.standing = Standing::Good))
    };
    let sending = |what: &str, sending: Sending| {
        situation(format!("postmark: {what}"), postmark(), "store", "account", {
            act(move |scene| knob(scene, |knobs| knobs.postmark.sending = sending))
        })
        .asked(mail("ops@acme.example", "somebody@example.com"))
        .mended(|scene| knob(scene, |knobs| knobs.postmark.sending = Sending::Allowed))
    };
    vec![
        heroku_standing("bills are not paid", Standing::Delinquent),
        heroku_standing("suspended", Standing::Suspended),
        sending("out of credits", Sending::NoCredits),
        sending("waits for approval", Sending::Pending),
        sending("closed", Sending::Closed),
    ]
}

/// With a test mail.
fn mail(from: &str, to: &str) -> Asked {
    let options = ["--from", from, "--send-to", to, "--yes"].map(str::to_owned).to_vec();
    Asked { options, ..Asked::default() }
}

/// Mails that are not taken.
fn mails() -> Vec<Situation> {
    let nothing = |_: &Scene<'_>| Ok(());
    vec![
        situation("mail: an unknown sender", postmark(), "store", "sender", act(nothing))
            .asked(mail("ops@unknown.example", "somebody@example.com"))
            .mended(nothing),
        situation("mail: a sender that is not confirmed", postmark(), "store", "sender", {
            act(|scene| {
                let unconfirmed = ["new@acme.example".to_owned()].into();
                knob(scene, |knobs| knobs.postmark.unconfirmed = unconfirmed)
            })
        })
        .asked(mail("new@acme.example", "somebody@example.com"))
        .mended(|scene| knob(scene, |knobs| knobs.postmark.unconfirmed.clear())),
        situation("mail: an inactive recipient", postmark(), "store", "message", act(nothing))
            .asked(mail("ops@acme.example", "bounced@example.com"))
            .mended(nothing),
        situation("mail: no address of a recipient", postmark(), "store", "message", act(nothing))
            .asked(mail("ops@acme.example", "nobody"))
            .mended(nothing),
    ]
}

/// Programs that ask in the wrong way; the lab answers what they are told.
fn programs() -> Vec<Situation> {
    const FILE: &str = "error.txt";
    let with = |what: &str,
                cause,
                path: &'static str,
                headers: fn(&Scene<'_>) -> Vec<(&'static str, String)>| {
        let breaks = move |scene: &Scene<'_>| {
            let headers = headers(scene);
            let headers: Vec<_> =
                headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let answer = scene.request(&scene.stage.lab().urls().postmark, path, &headers)?;
            scene.write(FILE, &answer)
        };
        situation(format!("program: {what}"), postmark(), "store", cause, act(breaks))
            .asked(Asked { error: Some(FILE), ..Asked::default() })
            .mended(|_| Ok(()))
    };
    vec![
        with("both headers", "both-headers", "/server", |scene| {
            vec![
                ("x-postmark-server-token", scene.seeded(postmark())),
                ("x-postmark-account-token", scene.credentials.postmark_account_token.clone()),
            ]
        }),
        with("an `Authorization` for Postmark", "wrong-header", "/server", |scene| {
            vec![("authorization", format!("Bearer {}", scene.seeded(postmark())))]
        }),
        with("no header at all", "wrong-header", "/server", |_| Vec::new()),
    ]
}
