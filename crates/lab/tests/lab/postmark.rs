//! Postmark: tokens, their listing, mail, and its one meaning of 401.

use lab::{Listing, TokenPick, TokensOf};
use serde_json::{Value, json};

use crate::support::{World, ask, load};

fn mail() -> Value {
    load("postmark/email.request.json")
}

/// The server is shown with its tokens, as each setting of the knob has it.
#[tokio::test]
async fn the_server_lists_its_tokens_unless_masked_or_absent() {
    let world = World::new().await;
    let token = world.it.postmark_server_token.clone();
    let body = world
        .postmark(&token, "GET", "/server", Value::Null)
        .await
        .is(200, "postmark/server.200.json");
    assert_eq!(body["Name"], "acme-prod");
    assert_eq!(body["ApiTokens"], json!([token]));
    world.lab.knobs(|knobs| knobs.postmark.listing = Listing::Masked);
    let body = world
        .postmark(&token, "GET", "/server", Value::Null)
        .await
        .is(200, "postmark/server.masked.200.json");
    assert!(!body.to_string().contains(&token));
    world.lab.knobs(|knobs| knobs.postmark.listing = Listing::Absent);
    let body = world
        .postmark(&token, "GET", "/server", Value::Null)
        .await
        .is(200, "postmark/server.absent.200.json");
    assert!(body.get("ApiTokens").is_none());
}

/// Missing, unknown, misplaced and doubled tokens are all 401 with code 10; case does not matter.
#[tokio::test]
async fn a_token_is_good_in_its_own_header_only() {
    let world = World::new().await;
    let base = world.lab.urls().postmark;
    let (server, account) = (&world.it.postmark_server_token, &world.it.postmark_account_token);
    let upper = server.to_uppercase();
    assert_eq!(world.postmark(&upper, "GET", "/server", Value::Null).await.status, 200);
    for bad in ["", "00000000-0000-4000-8000-000000000000", account.as_str()] {
        let body = world
            .postmark(bad, "GET", "/server", Value::Null)
            .await
            .is(401, "postmark/401.code10.json");
        assert_eq!(body, load("postmark/401.code10.json"));
    }
    ask(&base, "GET", "/server", &[], Value::Null).await.is(401, "postmark/401.code10.json");
    let bearer = format!("Bearer {server}");
    let headers = [("authorization", bearer.as_str())];
    ask(&base, "GET", "/server", &headers, Value::Null).await.is(401, "postmark/401.code10.json");
    let both =
        [("x-postmark-server-token", server.as_str()), ("x-postmark-account-token", account)];
    let body = ask(&base, "GET", "/server", &both, Value::Null)
        .await
        .is(401, "postmark/401.both-headers.json");
    assert_eq!(body, load("postmark/401.both-headers.json"));
    let headers = [("x-postmark-account-token", server.as_str())];
    let body = ask(&base, "GET", "/servers?count=1&offset=0", &headers, Value::Null).await;
    assert_eq!((body.status, &body.json()["ErrorCode"]), (401, &json!(10)));
}

/// The account may list, make, change, and (where enabled) delete servers.
#[tokio::test]
async fn the_account_manages_servers() {
    let world = World::new().await;
    let list = world
        .account("GET", "/servers?count=100&offset=0", Value::Null)
        .await
        .is(200, "postmark/servers.200.json");
    assert_eq!(list["TotalCount"], 3);
    assert_eq!(world.account("GET", "/servers", Value::Null).await.json()["ErrorCode"], 13);
    let made = world
        .account("POST", "/servers", load("postmark/servers.create.request.json"))
        .await
        .is(200, "postmark/server.200.json");
    assert_eq!(made["ApiTokens"].as_array().map(Vec::len), Some(1));
    let id = made["ID"].as_u64().expect("an id");
    let again = world.account("POST", "/servers", json!({ "Name": "acme-next" })).await;
    again.is(422, "postmark/422.code603.json");
    let path = format!("/servers/{id}");
    let renamed = world
        .account("PUT", &path, json!({ "Name": "acme-later", "TrackOpens": true }))
        .await
        .json();
    assert_eq!((&renamed["Name"], &renamed["TrackOpens"]), (&json!("acme-later"), &json!(true)));
    assert_eq!(world.account("DELETE", &path, Value::Null).await.json()["ErrorCode"], 604);
    world.lab.knobs(|knobs| knobs.postmark.may_delete_servers = true);
    assert_eq!(world.account("DELETE", &path, Value::Null).await.status, 200);
    assert_eq!(world.account("GET", &path, Value::Null).await.status, 404);
    let token = made["ApiTokens"][0].as_str().expect("a token");
    assert_eq!(world.postmark(token, "GET", "/server", Value::Null).await.status, 401);
}

/// Account tokens are made, shown and deleted on the account's page: up to three live side by
/// side, each for all that the account may, and none of them is in any answer of the API.
#[tokio::test]
async fn account_tokens_are_people_s_alone() {
    let world = World::new().await;
    let base = world.lab.urls().postmark;
    let (hands, account) = (world.lab.operator(), TokensOf::Account);
    let servers = |token: String| {
        let base = base.clone();
        async move {
            let headers = [("x-postmark-account-token", token.as_str())];
            ask(&base, "GET", "/servers?count=500&offset=0", &headers, Value::Null).await
        }
    };
    let first = world.it.postmark_account_token.clone();
    let second = hands.generate_of(&account).await.expect("room for two");
    let third = hands.generate_of(&account).await.expect("room for three");
    let full = hands.generate_of(&account).await.expect_err("no room for four").to_string();
    assert!(full.contains("An account can have 3 API tokens"), "{full}");
    let shown = hands.tokens_of(&account).await.expect("the page");
    assert_eq!(shown, [first.clone(), second.clone(), third.clone()]);
    for token in [&first, &second, &third] {
        let list = servers(token.to_uppercase()).await;
        assert_eq!(list.status, 200);
        assert!(shown.iter().all(|token| !list.text().contains(token)), "it lists none of them");
    }
    hands.delete_of(&account, &TokenPick::Is(second.clone())).await.expect("deleted");
    let body = servers(second).await;
    assert_eq!((body.status, &body.json()["ErrorCode"]), (401, &json!(10)));
    assert_eq!(servers(third).await.status, 200);
    assert!(world.lab.revoke_by_hand(&first));
    assert_eq!(servers(first).await.status, 401);
    assert_eq!(world.lab.inspect().live_postmark_account_tokens().len(), 1);
}

/// Servers are searched for by a part of their name, and another account has others.
#[tokio::test]
async fn an_account_sees_its_own_servers_only() {
    let world = World::new().await;
    let other = world.lab.add_other_postmark_account("globex-mail");
    let names = |token: String, name: &'static str| {
        let base = world.lab.urls().postmark;
        async move {
            let headers = [("x-postmark-account-token", token.as_str())];
            let path = format!("/servers?count=500&offset=0&name={name}");
            let list = ask(&base, "GET", &path, &headers, Value::Null).await.json();
            let all = list["Servers"].as_array().expect("a list").clone();
            assert_eq!(list["TotalCount"], all.len());
            all.into_iter().map(|one| one["Name"].as_str().expect("a name").to_owned())
        }
    };
    let ours = world.it.postmark_account_token.clone();
    assert_eq!(names(ours.clone(), "acme-prod").await.collect::<Vec<_>>(), ["acme-prod"]);
    assert_eq!(names(ours, "ACME-").await.count(), 3);
    assert_eq!(names(other.clone(), "acme-prod").await.count(), 0);
    assert_eq!(names(other.clone(), "").await.collect::<Vec<_>>(), ["globex-mail"]);
    assert_eq!(world.postmark(&other, "GET", "/server", Value::Null).await.status, 401);
}

/// A mail is accepted, found again, and counted; refusals are 422 with a good token.
#[tokio::test]
async fn mail_is_sent_found_and_counted() {
    let world = World::new().await;
    let token = world.it.postmark_server_token.clone();
    let sent =
        world.postmark(&token, "POST", "/email", mail()).await.is(200, "postmark/email.200.json");
    assert_eq!(sent["Message"], "OK");
    let found = world
        .postmark(&token, "GET", "/messages/outbound?count=10&offset=0&tag=rotation", Value::Null)
        .await;
    let found = found.is(200, "postmark/messages-outbound.200.json");
    assert_eq!(found["Messages"][0]["MessageID"], sent["MessageID"]);
    let stats = world
        .postmark(&token, "GET", "/stats/outbound", Value::Null)
        .await
        .is(200, "postmark/stats-outbound.200.json");
    assert_eq!(stats["Sent"], 1);
    world
        .postmark(&token, "GET", "/stats/outbound/sends", Value::Null)
        .await
        .is(200, "postmark/stats-outbound-sends.200.json");
    for (field, value, code) in [
        ("From", "nobody", 300),
        ("From", "a@unknown.example", 400),
        ("To", "bounced@example.com", 406),
        ("MessageStream", "no-such-stream", 1226),
    ] {
        let mut bad = mail();
        bad[field] = json!(value);
        let answer = world.postmark(&token, "POST", "/email", bad).await;
        assert_eq!((answer.status, &answer.json()["ErrorCode"]), (422, &json!(code)));
    }
    assert_eq!(world.lab.inspect().mails().len(), 1);
}

/// A batch is 200 even when some of it was refused.
#[tokio::test]
async fn a_batch_succeeds_with_failures_inside() {
    let world = World::new().await;
    let token = world.it.postmark_server_token.clone();
    let mut bad = mail();
    bad["To"] = json!("bounced@example.com");
    let body = world
        .postmark(&token, "POST", "/email/batch", json!([mail(), bad]))
        .await
        .is(200, "postmark/email-batch.200.json");
    assert_eq!((&body[0]["ErrorCode"], &body[1]["ErrorCode"]), (&json!(0), &json!(406)));
    let many = Value::Array(vec![mail(); 501]);
    assert_eq!(world.postmark(&token, "POST", "/email/batch", many).await.json()["ErrorCode"], 410);
}

/// The literal test token sends nothing and may do nothing else.
#[tokio::test]
async fn the_test_token_is_dry() {
    let world = World::new().await;
    let body = world
        .postmark("POSTMARK_API_TEST", "POST", "/email", mail())
        .await
        .is(200, "postmark/email.dry.200.json");
    assert_eq!(body["Message"], "Test job accepted");
    assert!(world.lab.inspect().mails().is_empty());
    assert_eq!(
        world.postmark("POSTMARK_API_TEST", "GET", "/server", Value::Null).await.status,
        401
    );
}

/// Only a person makes and deletes tokens: three at most, each as good as the others.
#[tokio::test]
async fn the_operator_generates_and_deletes_tokens() {
    let world = World::new().await;
    let operator = world.lab.operator();
    let old = world.it.postmark_server_token.clone();
    let new = operator.generate_token("acme-prod").await.expect("a token");
    let body = world
        .postmark(&new, "GET", "/server", Value::Null)
        .await
        .is(200, "postmark/server.two-tokens.200.json");
    assert_eq!(body["ApiTokens"], json!([old, new]));
    let third = operator
        .tell("generate another token on acme-prod")
        .await
        .expect("a third")
        .expect("a value");
    let full = operator.generate_token("acme-prod").await.expect_err("full");
    assert!(full.to_string().contains("3 API tokens"), "{full}");
    operator.delete_token("acme-prod", &TokenPick::Is(old.clone())).await.expect("deleted");
    assert_eq!(world.postmark(&old, "GET", "/server", Value::Null).await.status, 401);
    let ending = &third[third.len() - 6..];
    operator.tell(&format!("delete the token that ends in {ending}")).await.expect("deleted");
    assert_eq!(world.lab.inspect().live_postmark_tokens("acme-prod"), [new]);
    assert!(operator.generate_token("no-such").await.is_err());
}
