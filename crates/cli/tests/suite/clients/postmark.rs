//! Postmark: npm `postmark` and PyPI `postmarker`.
//! <https://postmarkapp.com/developer/api/overview#error-codes>

use e2e::clients::{Set, call};
use e2e::{Result, SERVER};
use lab::{FaultKind, FaultRule, Listing, Sending, TokenPick, TokensOf, Vendor};
use serde_json::{Value, json};

use super::{counter, has, says};

/// A mail that is in order.
fn mail() -> Value {
    json!({
        "From": "ops@acme.example", "To": "dev@example.com", "Subject": "clients",
        "TextBody": "a test", "MessageStream": "outbound",
    })
}

/// The same, but for one field.
fn mail_with(field: &str, value: &str) -> Value {
    let mut mail = mail();
    mail[field] = value.into();
    mail
}

#[test]
fn postmarks_own_client_sees_postmark() -> Result<()> {
    let Some(counter) = counter(Set::Node)? else { return Ok(()) };
    let lab = counter.lab();
    let known = lab.credentials();
    let host = lab.urls().postmark.replace("http://", "");
    let mut client = counter
        .session("postmark", json!({ "host": host, "token": known.postmark_server_token }))?;
    let account = |name: &str, args: Value| {
        call(name, json!({ "as": "account", "token": known.postmark_account_token, "args": args }))
    };
    let send = |mail: Value| call("sendEmail", json!({ "args": [mail] }));

    let server = client.gives(call("getServer", json!({})))?;
    has(&server, &json!({ "Name": SERVER, "ApiTokens": [known.postmark_server_token] }));
    // Header values do not mind their case.
    let upper = known.postmark_server_token.to_ascii_uppercase();
    let _ = client.gives(call("getServer", json!({ "token": upper })))?;
    let servers = client.gives(account("getServers", json!([])))?;
    has(&servers, &json!({ "TotalCount": 3 }));
    let sent = client.gives(send(mail()))?;
    has(&sent, &json!({ "ErrorCode": 0, "Message": "OK", "To": "dev@example.com" }));
    assert_eq!(lab.inspect().mails().len(), 1);
    let id = &sent["MessageID"];
    let found = client.gives(call("getOutboundMessageDetails", json!({ "args": [id] })))?;
    has(&found, &json!({ "MessageID": id, "Status": "Sent" }));
    let dry = json!({ "token": "POSTMARK_API_TEST", "args": [mail()] });
    has(&client.gives(call("sendEmail", dry))?, &json!({ "Message": "Test job accepted" }));
    let batch = json!({ "args": [[mail(), mail_with("From", "nobody")]] });
    let batch = client.gives(call("sendEmailBatch", batch))?;
    assert_eq!((&batch[0]["ErrorCode"], &batch[1]["ErrorCode"]), (&json!(0), &json!(300)));
    let stats = client.gives(call("getOutboundOverview", json!({})))?;
    has(&stats, &json!({ "Sent": 2, "Bounced": 0 }));
    lab.knobs(|knobs| knobs.postmark.listing = Listing::Absent);
    let masked = client.gives(call("getServer", json!({})))?;
    assert_eq!(masked["ApiTokens"], Value::Null);

    // A token that is wrong, or right in the wrong header, is one and the same error.
    let bad = json!({ "name": "InvalidAPIKeyError", "code": 10, "status": 401 });
    for token in ["00000000-0000-4000-8000-000000000000", &known.postmark_account_token] {
        has(&client.refuses(call("getServer", json!({ "token": token })))?, &bad);
    }
    let crossed = json!({ "as": "account", "token": known.postmark_server_token });
    has(&client.refuses(call("getServers", crossed))?, &bad);
    let dry = json!({ "token": "POSTMARK_API_TEST" });
    has(&client.refuses(call("getServer", dry))?, &bad);

    // An account token that a person deletes is dead for the account's client, and no other is.
    let on = counter.runtime();
    let (hands, whose) = (lab.operator(), TokensOf::Account);
    let made = on.block_on(hands.generate_of(&whose)).map_err(|error| error.to_string())?;
    let with = |token: &str| call("getServers", json!({ "as": "account", "token": token }));
    has(&client.gives(with(&made))?, &json!({ "TotalCount": 3 }));
    let named = json!([{ "count": 500, "offset": 0, "name": SERVER }]);
    let named = client.gives(account("getServers", named))?;
    assert_eq!((&named["TotalCount"], &named["Servers"][0]["Name"]), (&json!(1), &json!(SERVER)));
    let id = known.postmark_server_ids[SERVER];
    has(&client.gives(account("getServer", json!([id])))?, &json!({ "ID": id, "Name": SERVER }));
    let deleted = on.block_on(hands.delete_of(&whose, &TokenPick::Is(made.clone())));
    deleted.map_err(|error| error.to_string())?;
    has(&client.refuses(with(&made))?, &bad);
    has(&client.gives(account("getServers", json!([])))?, &json!({ "TotalCount": 3 }));

    let input = |code: u32| json!({ "name": "ApiInputError", "code": code, "status": 422 });
    let email = json!({ "name": "InvalidEmailRequestError", "code": 300, "status": 422 });
    has(&client.refuses(send(mail_with("To", "nobody")))?, &email);
    has(&client.refuses(send(mail_with("From", "ops@unknown.example")))?, &input(400));
    has(&client.refuses(send(mail_with("MessageStream", "no-such")))?, &input(1226));
    let inactive = client.refuses(send(mail_with("To", "bounced@example.com")))?;
    has(&inactive, &json!({ "name": "InactiveRecipientsError", "code": 406, "status": 422 }));
    assert_eq!(inactive["recipients"], json!(["bounced@example.com"]));
    for (sending, code) in [(Sending::NoCredits, 405), (Sending::Pending, 412)] {
        lab.knobs(|knobs| knobs.postmark.sending = sending);
        has(&client.refuses(send(mail()))?, &input(code));
    }
    lab.knobs(|knobs| knobs.postmark.sending = Sending::Allowed);
    let unknown = json!({ "args": ["00000000-0000-4000-8000-000000000000"] });
    has(&client.refuses(call("getOutboundMessageDetails", unknown))?, &input(701));
    let name = json!([{ "Name": SERVER }]);
    has(&client.refuses(account("createServer", name))?, &input(603));
    has(&client.refuses(account("deleteServer", json!([id])))?, &input(604));
    let missing = client.refuses(account("getServer", json!([999_999])))?;
    has(&missing, &json!({ "name": "PostmarkError", "status": 404 }));

    let fault = |kind| lab.fault(FaultRule::new(Vendor::Postmark, kind).times(1));
    for (kind, name, status) in [
        (FaultKind::Status429 { retry_after: None }, "RateLimitExceededError", 429),
        (FaultKind::Error5xxBefore { status: 500 }, "InternalServerError", 500),
        (FaultKind::Error5xxBefore { status: 503 }, "ServiceUnavailablerError", 503),
        // A firewall's page is no answer of Postmark's.
        (FaultKind::Html403, "UnknownError", 403),
    ] {
        fault(kind);
        let told = client.refuses(call("getServer", json!({})))?;
        has(&told, &json!({ "name": name, "status": status }));
    }
    assert_eq!(lab.inspect().mails().len(), 2, "nothing was sent that was refused");
    Ok(())
}

#[test]
fn postmarker_sees_postmark() -> Result<()> {
    let Some(counter) = counter(Set::Python)? else { return Ok(()) };
    let lab = counter.lab();
    let known = lab.credentials();
    let token = known.postmark_server_token.clone();
    let always = json!({ "base": lab.urls().postmark, "token": token });
    let mut client = counter.session("postmark", always)?;
    let send = |mail: Value| call("send", json!({ "mail": mail }));

    has(&client.gives(call("server", json!({})))?, &json!({ "Name": SERVER }));
    has(&client.gives(send(mail()))?, &json!({ "ErrorCode": 0, "Message": "OK" }));
    let batch = json!({ "mails": [mail(), mail_with("From", "nobody@unknown.example")] });
    let batch = client.gives(call("batch", batch))?;
    assert_eq!((&batch[0]["ErrorCode"], &batch[1]["ErrorCode"]), (&json!(0), &json!(400)));
    has(&client.gives(call("sent", json!({})))?, &json!({ "Sent": 2 }));

    let told = |code: u32| json!({ "class": "ClientError", "code": code });
    for token in ["00000000-0000-4000-8000-000000000000", &known.postmark_account_token] {
        let refused = client.refuses(call("server", json!({ "token": token })))?;
        has(&refused, &told(10));
        says(&refused, "[10] Request does not contain a valid Server token.");
    }
    has(&client.refuses(send(mail_with("To", "nobody")))?, &told(300));
    has(&client.refuses(send(mail_with("From", "a@unknown.example")))?, &told(400));
    has(&client.refuses(send(mail_with("To", "bounced@example.com")))?, &told(406));
    let missing = json!({ "method": "GET", "path": "/no/such/thing" });
    has(&client.refuses(call("call", missing))?, &json!({ "class": "ClientError" }));
    let fault = |kind| lab.fault(FaultRule::new(Vendor::Postmark, kind).times(1));
    fault(FaultKind::Status429 { retry_after: None });
    has(&client.refuses(call("server", json!({})))?, &told(429));
    // What is not Postmark's own words stays an error of HTTP.
    fault(FaultKind::Html403);
    let page = client.refuses(call("server", json!({})))?;
    has(&page, &json!({ "class": "HTTPError", "status": 403 }));
    Ok(())
}
