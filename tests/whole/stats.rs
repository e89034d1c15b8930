//! What mounts have done: counters, metrics, live traffic.

use crate::common::admin::Admin;
use crate::common::client::{Raw, get, request};
use crate::common::contract::check_value;
use crate::common::events::{Events, Told};
use crate::common::eventually;
use crate::common::origin::Origin;
use crate::common::process::{Launch, Standin};
use crate::common::scripts;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Instant;

/// The numbers of a mount, once so many of its exchanges have ended.
fn stats(admin: &Admin, id: &str, requests: u64) -> Value {
    let mut value = Value::Null;
    eventually("the exchanges are counted", || {
        value = admin.get(&format!("/v1/mounts/{id}/stats")).value;
        assert!(value["requests"]["total"].as_u64().unwrap() <= requests, "{value}");
        value["requests"]["total"] == requests
    });
    value
}

/// Answers with the status in the last segment of the path.
fn answering_status() -> Origin {
    Origin::serve(|mut conn| {
        while let Some(request) = conn.request() {
            let path = request.target().split('?').next().unwrap().to_owned();
            let status = path.rsplit('/').next().unwrap();
            conn.send(format!("HTTP/1.1 {status} x\r\nSet-Cookie: a=b\r\nX-Mine: 1\r\nContent-Length: 4\r\n\r\nbody"));
        }
    })
}

#[test]
fn a_mount_that_nobody_asked_has_done_nothing() {
    let standin = Standin::start();
    let admin = standin.admin();
    let id = admin.mount("/", "http://127.0.0.1:1/");
    let stats = stats(&admin, &id, 0);
    assert_eq!((&stats["id"], &stats["state"]), (&json!(id), &json!("open")));
    assert!(stats["counting_since"].is_null() && stats["last_activity_at"].is_null());
    assert_eq!((&stats["latency_ms"]["p99"], &stats["latency_ms"]["buckets"]), (&Value::Null, &json!([])));
    assert_eq!(stats["requests_by_second"], json!(vec![0; 60]));
    assert_eq!(admin.get("/v1/mounts/nobody/stats").status, 404);
    assert_eq!(admin.get("/v1/mounts/nobody/traffic").status, 404);
}

#[test]
fn replies_are_counted_by_class_with_their_bytes_and_times() {
    let origin = answering_status();
    let standin = Standin::start();
    let admin = standin.admin();
    let id = admin.mount("/", &origin.url());
    let mut client = Raw::connect(standin.front);
    for status in [200, 301, 404, 500] {
        client.send(format!("POST /{status} HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"));
        assert_eq!(client.response().status, status);
    }
    let stats = stats(&admin, &id, 4);
    let expected = json!({ "total": 4, "1xx": 0, "2xx": 1, "3xx": 1, "4xx": 1, "5xx": 1, "none": 0 });
    assert_eq!(stats["requests"], expected);
    assert_eq!((&stats["received_bytes"], &stats["sent_bytes"]), (&json!(12), &json!(16)));
    assert_eq!((&stats["errors"], &stats["failures"]["upstream"]), (&json!(1), &json!(0)));
    assert_eq!(stats["latency_ms"]["count"], 4);
    let (median, longest) = (&stats["latency_ms"]["p50"], &stats["latency_ms"]["max"]);
    assert!(0.0 < median.as_f64().unwrap() && median.as_f64() <= longest.as_f64(), "{stats}");
    assert!(stats["counting_since"].is_string() && stats["last_activity_at"].is_string());
    assert_eq!(stats["pool"], json!({ "idle": 1, "open": 1 }));
    for latency in [&stats["latency_ms"], &admin.get("/v1/stats").value["journal"]["latency_ms"]] {
        let buckets = latency["buckets"].as_array().unwrap();
        let counts: u64 = buckets.iter().map(|bucket| bucket["count"].as_u64().unwrap()).sum();
        assert_eq!(counts, latency["count"], "{latency}");
        let ends: Vec<f64> = buckets.iter().map(|bucket| bucket["below"].as_f64().unwrap_or(f64::INFINITY)).collect();
        assert!(ends.is_sorted_by(|one, next| one < next) && ends.last().copied() >= latency["max"].as_f64());
    }
    for path in [format!("/v1/mounts/{id}/stats"), "/v1/stats".into()] {
        let mut by_second = Vec::new();
        eventually("the seconds are whole", || {
            let stats = admin.get(&path).value;
            let counts = stats["requests_by_second"].as_array().unwrap().iter().map(|count| count.as_u64().unwrap());
            by_second = counts.collect();
            let sum: u64 = by_second.iter().sum();
            assert_eq!(stats["requests_per_s"]["over_60_s"], sum as f64 / 60.0, "{path}");
            sum == 4
        });
        assert!(by_second.len() == 60 && by_second[..30].iter().all(|count| *count == 0), "{by_second:?}");
    }
}

#[test]
fn refusals_and_failures_are_counted_by_what_they_are() {
    let closing = Origin::serve(|mut conn| drop(conn.request()));
    let standin = Standin::start();
    let admin = standin.admin();
    let full = json!({
        "id": "full", "kind": "regular", "match": { "path": "/full" }, "address": "http://127.0.0.1:1/",
        "limits": { "concurrent_requests_max": 0 },
    });
    assert_eq!(admin.post(&full).status, 201);
    let broken = admin.mount("/broken", &closing.url());
    let refused = get(standin.front, "/full");
    assert_eq!((refused.status, refused.field("X-Standin-Reason")), (503, Some("concurrency")));
    assert_eq!(refused.field("Retry-After"), Some("1"));
    let failed = get(standin.front, "/broken");
    assert_eq!((failed.status, failed.field("X-Standin-Reason")), (502, None));

    let full = stats(&admin, "full", 1);
    assert_eq!((&full["refusals"]["concurrency"], &full["refusals"]["tunnels"]), (&json!(1), &json!(0)));
    assert_eq!(full["failures"], json!({ "upstream": 0, "client": 0, "proxy": 0 }));
    let broken = stats(&admin, &broken, 1);
    assert_eq!(broken["failures"], json!({ "upstream": 1, "client": 0, "proxy": 0 }));
    assert_eq!((&broken["errors"], &broken["requests"]["5xx"]), (&json!(1), &json!(1)));
}

/// What went wrong at a mount, the newest first, without when and with which id.
fn recent_errors(stats: &Value) -> Vec<Value> {
    let mut errors = stats["recent_errors"].as_array().unwrap().clone();
    for error in &mut errors {
        let members = error.as_object_mut().unwrap();
        assert!(members.remove("at").is_some() && members.remove("request_id").is_some());
    }
    errors
}

#[test]
fn what_went_wrong_last_is_told_in_words_and_without_secrets() {
    let origin = Origin::serve(|mut conn| {
        while let Some(request) = conn.request() {
            let path = request.target().split('?').next().unwrap().to_owned();
            match path.strip_prefix('/').unwrap() {
                "close" => return,
                "short" => return conn.send("HTTP/1.1 200 x\r\nContent-Length: 5\r\n\r\nab"),
                status => conn.send(format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n")),
            }
        }
    });
    let standin = Standin::start();
    let admin = standin.admin();
    let id = admin.mount("/", &origin.url());
    assert_eq!(recent_errors(&stats(&admin, &id, 0)), [Value::Null; 0]);
    for path in ["/200", "/404", "/503?token=hunter2&b=c"] {
        get(standin.front, path);
    }
    let closed = get(standin.front, "/close");
    assert_eq!(closed.status, 502);
    let mut client = Raw::connect(standin.front);
    client.send(request("POST", "/short"));
    client.rest();
    let stats = stats(&admin, &id, 5);
    assert_eq!(stats["errors"], 3);
    let shown = |method: &str, target: &str, status: u16, failure: Option<&str>, detail: &str| json!({ "method": method, "target": target, "status": status, "failure": failure, "detail": detail });
    let expected = [
        shown("POST", "/short", 200, Some("upstream"), "the upstream's answer ended early"),
        shown("GET", "/close", 502, Some("upstream"), "the upstream closed the connection without an answer"),
        shown("GET", "/503?token=…&b=c", 503, None, "the upstream answered 503 Service Unavailable"),
    ];
    assert_eq!(recent_errors(&stats), expected);
    let named = stats["recent_errors"][1]["request_id"].as_str().unwrap();
    assert!(closed.text().contains(named), "{named} is what the client was told: {}", closed.text());
}

#[test]
fn refusals_are_told_with_what_bounds_them_and_only_the_last_are_kept() {
    let standin = Standin::start();
    let admin = standin.admin();
    let full = json!({
        "kind": "regular", "match": { "path": "/full" }, "address": "http://127.0.0.1:1/",
        "limits": { "concurrent_requests_max": 0 },
    });
    assert_eq!(admin.put("full", &full).status, 201);
    let down = admin.mount("/down", "http://127.0.0.1:1/");
    get(standin.front, "/down");
    let refused = recent_errors(&stats(&admin, &down, 1));
    assert_eq!((&refused[0]["status"], &refused[0]["failure"]), (&json!(502), &json!("upstream")));
    let detail = refused[0]["detail"].as_str().unwrap();
    assert!(detail.starts_with("the upstream could not be reached: 127.0.0.1:1: "), "{detail}");

    let mut client = Raw::connect(standin.front);
    (0..20).for_each(|number| assert_eq!(client.get(&format!("/full/{number}")).status, 503));
    let errors = recent_errors(&stats(&admin, "full", 20));
    let targets: Vec<&str> = errors.iter().map(|error| error["target"].as_str().unwrap()).collect();
    assert_eq!(targets, (4..20).rev().map(|number| format!("/full/{number}")).collect::<Vec<_>>());
    assert!(errors.iter().all(|error| error["failure"] == "concurrency"));
    let bound = "too many requests are in progress for this mount (limits.concurrent_requests_max)";
    assert_eq!(errors[0]["detail"], bound);
    assert_eq!(admin.call("POST", "/v1/mounts/full/disable").send().status, 200);
    assert_eq!(client.get("/full/disabled").status, 503);
    let disabled = &recent_errors(&stats(&admin, "full", 21))[0];
    let detail = "this mount is switched off";
    assert_eq!((&disabled["failure"], &disabled["detail"]), (&json!("disabled"), &json!(detail)));
}

#[test]
fn a_client_that_leaves_is_counted_and_is_no_error() {
    let origin = Origin::serve(|mut conn| {
        if conn.request().is_some() {
            conn.until_end();
        }
    });
    let standin = Standin::start();
    let admin = standin.admin();
    let id = admin.mount("/", &origin.url());
    let mut client = Raw::connect(standin.front);
    client.send(request("GET", "/"));
    eventually("it is on its way", || admin.get(&format!("/v1/mounts/{id}/stats")).value["in_flight"] == 1);
    client.reset();
    let stats = stats(&admin, &id, 1);
    assert_eq!((&stats["requests"]["none"], &stats["errors"]), (&json!(1), &json!(0)));
    assert_eq!((&stats["failures"]["client"], &stats["recent_errors"]), (&json!(1), &json!([])));
}

#[test]
fn a_tunnel_is_counted_while_it_is_open() {
    let origin = Origin::serve(|mut conn| {
        if conn.head().is_some() {
            conn.send("HTTP/1.1 101 x\r\nUpgrade: a\r\nConnection: upgrade\r\n\r\n");
            while conn.echo() {}
        }
    });
    let standin = Standin::start();
    let admin = standin.admin();
    let id = admin.mount("/", &origin.url());
    let mut client = Raw::connect(standin.front);
    client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: a\r\n\r\nhello");
    client.head();
    assert_eq!(client.part(5), b"hello");
    let path = format!("/v1/mounts/{id}/stats");
    eventually("its bytes are counted", || {
        let stats = admin.get(&path).value;
        stats["tunnels"] == 1 && stats["received_bytes"] == 5 && stats["sent_bytes"] == 5
    });
    let open = admin.get(&path).value;
    assert_eq!((&open["requests"]["total"], &open["in_flight"]), (&json!(0), &json!(0)));
    assert!(open["last_activity_at"].is_string(), "now");
    client.finish();
    client.rest();
    let ended = stats(&admin, &id, 1);
    assert_eq!((&ended["requests"]["1xx"], &ended["tunnels"]), (&json!(1), &json!(0)));
    assert_eq!((&ended["received_bytes"], &ended["sent_bytes"]), (&json!(5), &json!(5)), "and only once");
    assert_eq!((&ended["latency_ms"]["count"], &ended["recent_errors"]), (&json!(0), &json!([])));

    let mut client = Raw::connect(standin.front);
    client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: a\r\n\r\n");
    client.head();
    eventually("another is open", || admin.get(&path).value["tunnels"] == 1);
    assert_eq!(admin.call("POST", &format!("/v1/mounts/{id}/drain?mode=kill")).send().status, 200);
    let cut = &recent_errors(&stats(&admin, &id, 2))[0];
    assert_eq!((&cut["status"], &cut["failure"]), (&json!(101), &json!("proxy")));
    assert_eq!(cut["detail"], "it was cut off before its end");
}

#[test]
fn the_numbers_of_the_process_outlive_its_mounts() {
    let origin = Origin::answering("0123456789");
    let standin = Standin::start();
    let admin = standin.admin();
    let before = admin.get("/v1/stats").value;
    assert_eq!((&before["requests"]["total"], &before["mounts"]["total"]), (&json!(0), &json!(0)));
    for round in 1..=3 {
        let id = admin.mount("/a", &origin.url());
        get(standin.front, "/a");
        stats(&admin, &id, 1);
        assert_eq!(admin.delete(&id).status, 204);
        eventually("nothing is forgotten", || {
            let now = admin.get("/v1/stats").value;
            assert!(now["requests"]["total"].as_u64() >= Some(round), "{now}");
            now["sent_bytes"] == 10 * round
        });
    }
    admin.mount("/b", &origin.url());
    let held = Raw::connect(standin.front);
    eventually("the connection is counted", || admin.get("/v1/stats").value["connections"]["open"] == 1);
    drop(held);
    let after = admin.get("/v1/stats").value;
    assert_eq!((&after["mounts"]["total"], &after["mounts"]["states"]["open"]), (&json!(1), &json!(1)));
    assert_eq!((&after["journal"]["commits"], &after["revision"]), (&json!(7), &json!(7)));
    assert!(after["journal"]["latency_ms"]["max"].as_f64().unwrap() > 0.0);
    assert!(after["resident_bytes"].as_u64().unwrap() > 1024 * 1024);
    let files = &after["file_descriptors"];
    assert!(files["open"].as_u64().unwrap() > 3 && files["open"].as_u64() <= files["max"].as_u64(), "{files}");
}

/// What Prometheus makes of the metrics.
fn scrape(standin: &Standin) -> Value {
    let answer = standin.admin().get("/metrics");
    assert_eq!(answer.status, 200);
    let path = standin.launch.home().join("metrics.txt");
    std::fs::write(&path, &answer.response.body).unwrap();
    serde_json::from_str(&scripts::output("metrics.py", &[path.to_str().unwrap()])).unwrap()
}

#[test]
fn prometheus_reads_the_metrics_and_the_dashboard_asks_for_no_others() {
    let origin = Origin::answering("0123456789");
    let standin = Standin::start();
    let admin = standin.admin();
    let id = admin.mount("/", &origin.url());
    let full = json!({
        "id": "full", "kind": "regular", "match": { "path": "/full" }, "address": "http://127.0.0.1:1/",
        "limits": { "concurrent_requests_max": 0 },
    });
    assert_eq!(admin.post(&full).status, 201);
    get(standin.front, "/");
    get(standin.front, "/full");
    stats(&admin, &id, 1);
    stats(&admin, "full", 1);
    let scraped = scrape(&standin);
    let series = scraped["series"].as_object().unwrap();
    let mount = format!(r#"mount="{id}""#);
    for (name, value) in [
        (format!(r#"standin_mount_requests_total{{class="2xx",{mount}}}"#), 1.0),
        (format!(r#"standin_mount_requests_total{{class="5xx",{mount}}}"#), 0.0),
        (r#"standin_mount_requests_total{class="5xx",mount="full"}"#.into(), 1.0),
        (r#"standin_mount_requests_total{class="2xx",mount="_rest"}"#.into(), 0.0),
        (format!("standin_mount_request_duration_seconds_count{{{mount}}}"), 1.0),
        (format!(r#"standin_mount_request_duration_seconds_bucket{{le="+Inf",{mount}}}"#), 1.0),
        (format!("standin_mount_sent_bytes_total{{{mount}}}"), 10.0),
        (format!(r#"standin_mount_pool_connections{{{mount},state="idle"}}"#), 1.0),
        (r#"standin_mount_refusals_total{mount="full",reason="concurrency"}"#.into(), 1.0),
        (r#"standin_requests_total{class="2xx"}"#.into(), 1.0),
        (r#"standin_mounts{state="open"}"#.into(), 2.0),
        ("standin_revision".into(), 2.0),
        ("standin_journal_commit_duration_seconds_count".into(), 2.0),
    ] {
        assert_eq!(series.get(&name).and_then(Value::as_f64), Some(value), "{name} in {series:#?}");
    }

    let told: BTreeSet<&str> = series.keys().map(|key| key.split('{').next().unwrap()).collect();
    let dashboard: Value = serde_json::from_str(include_str!("../../docs/grafana.json")).unwrap();
    let mut asked = BTreeSet::new();
    ask(&dashboard, &mut asked);
    assert!(asked.len() > 20, "{asked:?}");
    let missing: Vec<_> = asked.iter().filter(|name| !told.contains(name.as_str())).collect();
    assert!(missing.is_empty(), "the dashboard asks for {missing:?}");
    let page = include_str!("../../docs/metrics.md");
    for family in scraped["families"].as_array().unwrap() {
        let family = family.as_str().unwrap();
        assert!(page.contains(&format!("`{family}")), "{family} is not in docs/metrics.md");
    }
}

/// The names of metrics in all queries of a dashboard.
fn ask(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| match value.as_str() {
            Some(query) if matches!(name.as_str(), "expr" | "query" | "definition") => {
                let words = query.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
                let is_metric = |word: &&str| word.starts_with("standin_") || word.starts_with("process_");
                names.extend(words.filter(is_metric).map(str::to_owned));
            }
            _ => ask(value, names),
        }),
        Value::Array(members) => members.iter().for_each(|value| ask(value, names)),
        _ => {}
    }
}

#[test]
fn the_metrics_of_many_mounts_are_bounded() {
    let standin = Standin::start();
    let admin = standin.admin();
    let mount = |number: usize| {
        json!({
            "id": format!("m{number}"), "kind": "regular", "match": { "path": format!("/m{number}") },
            "address": "http://127.0.0.1:1/", "limits": { "concurrent_requests_max": 0 },
        })
    };
    let mounts: Vec<Value> = (0..103).map(mount).collect();
    assert_eq!(admin.call("POST", "/v1/import").json(&json!({ "mounts": mounts })).send().status, 200);
    let mut client = Raw::connect(standin.front);
    for number in 0..103 {
        // The first three are asked once, the others twice.
        for _ in 0..if number < 3 { 1 } else { 2 } {
            assert_eq!(client.get(&format!("/m{number}")).status, 503);
        }
    }
    eventually("all are counted", || admin.get("/v1/stats").value["requests"]["total"] == 203);
    let scraped = scrape(&standin);
    let series = scraped["series"].as_object().unwrap();
    let count = |mount: &str| {
        series.get(&format!(r#"standin_mount_requests_total{{class="5xx",mount="{mount}"}}"#)).and_then(Value::as_f64)
    };
    assert_eq!((count("m0"), count("m2"), count("m3"), count("m102")), (None, None, Some(2.0), Some(2.0)));
    assert_eq!(count("_rest"), Some(3.0));
    assert_eq!(series[r#"standin_mount_refusals_total{mount="_rest",reason="concurrency"}"#], 3.0);
    assert_eq!(series[r#"standin_requests_total{class="5xx"}"#], 203.0);
}

fn traffic(admin: &Admin, id: &str, query: &str) -> Events {
    admin.call("GET", &format!("/v1/mounts/{id}/traffic{query}")).events()
}

/// A request that was told, as the contract has it.
fn told(event: &Told) -> &Value {
    assert_eq!(event.name, "request", "{event:?}");
    check_value("TrafficEntry", &event.data);
    &event.data
}

#[test]
fn whoever_watches_is_told_of_each_request_and_of_no_secret() {
    let origin = answering_status();
    let standin = Standin::start();
    let admin = standin.admin();
    let id = admin.mount("/a", &origin.url());
    let mut events = traffic(&admin, &id, "");
    let mut client = Raw::connect(standin.front);
    client.send(
        "POST /a/200?access_token=hunter2&my_key=hunter2&b=c HTTP/1.1\r\nHost: h\r\nX-Plain: yes\r\n\
         Authorization: Bearer hunter2\r\nCookie: a=hunter2\r\nX-Api-Key: hunter2\r\nX-My-Password-Is: hunter2\r\n\
         Content-Length: 3\r\n\r\nabc",
    );
    assert_eq!(client.response().status, 200);
    client.get("/a/404");
    let first = events.next();
    let entry = told(&first);
    assert!(!entry.to_string().contains("hunter2"), "{entry}");
    for (name, value) in [
        ("mount", json!(id)),
        ("client", json!("127.0.0.1")),
        ("method", json!("POST")),
        ("target", json!("/a/200?access_token=…&my_key=…&b=c")),
        ("status", json!(200)),
        ("failure", Value::Null),
        ("received_bytes", json!(3)),
        ("sent_bytes", json!(4)),
        ("upstream", json!(origin.address.to_string())),
        ("reused", json!(false)),
        ("end", json!("complete")),
    ] {
        assert_eq!(entry[name], value, "{name} in {entry}");
    }
    let sent: Vec<Value> = entry["request_headers"].as_array().unwrap().clone();
    for line in [["Host", "h"], ["X-Plain", "yes"], ["Authorization", "…"], ["Cookie", "…"], ["X-Api-Key", "…"]] {
        assert!(sent.contains(&json!(line)), "{line:?} in {sent:?}");
    }
    let answered: Vec<Value> = entry["response_headers"].as_array().unwrap().clone();
    assert!(answered.contains(&json!(["Set-Cookie", "…"])) && answered.contains(&json!(["X-Mine", "1"])));
    let timing = &entry["timing_ms"];
    let (connect, first_byte, total) = (&timing["connect"], &timing["first_byte"], &timing["total"]);
    assert!(connect.as_f64().unwrap() <= first_byte.as_f64().unwrap(), "{timing}");
    assert!(first_byte.as_f64().unwrap() <= total.as_f64().unwrap(), "{timing}");

    let second = events.next();
    let entry = told(&second);
    assert_eq!((&entry["status"], &entry["reused"]), (&json!(404), &json!(true)));
    assert_eq!(entry["timing_ms"]["connect"], Value::Null);
}

#[test]
fn only_what_is_asked_for_is_told() {
    let origin = answering_status();
    let standin = Standin::start();
    let admin = standin.admin();
    let id = admin.mount("/", &origin.url());
    let other = admin.mount("/other", &origin.url());
    let mut wanted = traffic(&admin, &id, "?status=4xx,500&method=GET&path_prefix=/a/");
    let mut sampled = traffic(&admin, &id, "?sample=3");
    let mut slow = traffic(&admin, &id, "?min_ms=86400000");
    let mut client = Raw::connect(standin.front);
    for path in ["/a/200", "/b/404", "/other/a/404", "/a/500", "/a/404", "/a/503"] {
        client.get(path);
    }
    client.send("POST /a/404 HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
    client.response();
    client.get("/a/410");
    let status = |events: &mut Events| told(&events.next())["status"].as_u64().unwrap();
    assert_eq!([(); 3].map(|()| status(&mut wanted)), [500, 404, 410]);
    assert_eq!([(); 3].map(|()| status(&mut sampled)), [200, 404, 410]);
    // Nothing was that slow; it ends with its mount, and the others with it.
    for (id, events) in [(&other, None), (&id, Some([&mut slow, &mut wanted, &mut sampled]))] {
        assert_eq!(admin.delete(id).status, 204);
        events.into_iter().flatten().for_each(Events::expect_end);
    }
    for query in ["status=9xx", "status=", "method=G%20T", "path_prefix=a", "min_ms=x", "sample=0", "what=1"] {
        let id = "m";
        admin.put(id, &json!({ "kind": "regular", "address": "http://127.0.0.1:1/" }));
        let refused = admin.get(&format!("/v1/mounts/{id}/traffic?{query}"));
        assert_eq!(refused.status, 400, "{query}");
        assert!(refused.detail().contains(query.split('=').next().unwrap()), "{}", refused.detail());
    }
}

#[test]
fn refusals_and_requests_without_an_answer_are_told_too() {
    let standin = Standin::start();
    let admin = standin.admin();
    let full =
        json!({ "kind": "regular", "address": "http://127.0.0.1:1/", "limits": { "concurrent_requests_max": 0 } });
    assert_eq!(admin.put("full", &full).status, 201);
    let mut events = traffic(&admin, "full", "");
    assert_eq!(get(standin.front, "/").status, 503);
    let event = events.next();
    let entry = told(&event);
    assert_eq!((&entry["status"], &entry["failure"]), (&json!(503), &json!("concurrency")));
    assert_eq!((&entry["end"], &entry["upstream"]), (&json!("refused"), &Value::Null));
    assert!(entry["response_headers"].as_array().unwrap().contains(&json!(["X-Standin-Reason", "concurrency"])));
}

#[test]
fn a_watcher_that_reads_nothing_holds_up_nobody_and_is_told_what_it_missed() {
    const REQUESTS: u64 = 2000;
    let standin = Standin::start();
    let admin = standin.admin();
    let full =
        json!({ "kind": "regular", "address": "http://127.0.0.1:1/", "limits": { "concurrent_requests_max": 0 } });
    assert_eq!(admin.put("full", &full).status, 201);
    let mut events = traffic(&admin, "full", "");
    let large = "x".repeat(6000);
    let mut client = Raw::connect(standin.front);
    for number in 0..REQUESTS {
        // A connection has a thousand requests.
        if number % 500 == 0 {
            client = Raw::connect(standin.front);
        }
        client.send(format!("GET / HTTP/1.1\r\nHost: h\r\nX-Large: {large}\r\n\r\n"));
        assert_eq!(client.response().status, 503);
    }
    stats(&admin, "full", REQUESTS);
    let (mut received, mut dropped) = (0, 0);
    while received + dropped < REQUESTS {
        let event = events.next();
        match event.name.as_str() {
            "dropped" => {
                check_value("TrafficDropped", &event.data);
                dropped += event.data["count"].as_u64().unwrap();
            }
            _ => received += 1,
        }
    }
    assert_eq!(received + dropped, REQUESTS);
    assert!(dropped > 0 && received > 0, "{received} were told and {dropped} dropped");
    get(standin.front, "/");
    assert_eq!(told(&events.next())["status"], 503, "and it goes on");
}

#[test]
fn streams_are_bounded_and_their_places_come_free() {
    let standin = Standin::start();
    let admin = standin.admin();
    admin.put("m", &json!({ "kind": "regular", "address": "http://127.0.0.1:1/" }));
    let max = admin.get("/v1/stats").value["event_streams"]["max"].as_u64().unwrap();
    let mut open: Vec<Events> = (0..max).map(|_| traffic(&admin, "m", "")).collect();
    let refused = admin.get("/v1/mounts/m/traffic");
    assert_eq!((refused.status, refused.response.field("Retry-After")), (503, Some("1")));
    assert_eq!(admin.get("/v1/mounts").status, 200, "others can still call");
    open.pop().unwrap().close();
    eventually("the place of one that has gone is free", || {
        admin.get("/v1/stats").value["event_streams"]["open"] == max - 1
    });
    open.push(traffic(&admin, "m", ""));
    assert_eq!(admin.call("HEAD", "/v1/mounts/m/traffic").send().status, 503);
    open.pop().unwrap().close();
    eventually("a place is free", || admin.call("HEAD", "/v1/mounts/m/traffic").send().status == 200);
    eventually("and was given back", || admin.get("/v1/stats").value["event_streams"]["open"] == max - 1);
}

#[test]
fn a_stop_ends_the_streams_and_waits_for_none() {
    let mut standin = Launch::new().with(&["--drain-timeout", "60"]).start();
    let admin = standin.admin();
    admin.put("m", &json!({ "kind": "regular", "address": "http://127.0.0.1:1/" }));
    let mut events = traffic(&admin, "m", "");
    let begun = Instant::now();
    standin.term();
    events.expect_end();
    assert_eq!(standin.exit().code(), Some(0));
    assert!(begun.elapsed() < crate::common::PATIENCE, "it took {:?}", begun.elapsed());
}
