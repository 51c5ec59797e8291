//! The page in a real browser. With `WECHESS_SCREENSHOTS` (a folder) it leaves pictures there.

use std::path::Path;

use base64::Engine as _;
use serde_json::{Value, json};
use wechess_tests::browser::Browser;
use wechess_tests::{App, story};

use crate::import::{import, unique};

/// Chooses a word in the select with this label, the `n`th of that name.
fn choose(browser: &mut Browser, label: &str, n: usize, word: &str) {
    let done = browser.value(&format!(
        "(() => {{ const all = document.querySelectorAll('[aria-label={label:?}]'); const one = all[{n}]; one.value = {word:?};
           one.dispatchEvent(new Event(one.tagName === 'SELECT' ? 'change' : 'input')); return one.value === {word:?}; }})()"
    ));
    assert_eq!(done, true, "{label} {n} = {word}");
}

fn click(browser: &mut Browser, id: &str) {
    browser.value(&format!("document.getElementById({id:?}).click()"));
}

fn keep(browser: &mut Browser, name: &str) {
    let picture = browser.picture();
    assert!(picture.len() > 10_000, "an empty picture");
    if let Some(folder) = std::env::var_os("WECHESS_SCREENSHOTS") {
        let bytes = base64::engine::general_purpose::STANDARD.decode(picture).expect("a picture can be kept");
        std::fs::write(Path::new(&folder).join(name), bytes).expect("a picture can be kept");
    }
}

/// Neither errors, nor broken rules of the policy, nor another host.
fn is_clean(browser: &Browser, base: &str) {
    for event in &browser.events {
        let method = event["method"].as_str().unwrap_or_default();
        assert_ne!(method, "Runtime.exceptionThrown", "{event}");
        let entry = &event["params"]["entry"];
        assert!(method != "Log.entryAdded" || entry["level"] != "error", "{entry}");
        if method == "Network.requestWillBeSent" {
            let url = event["params"]["request"]["url"].as_str().expect("a URL");
            assert!(url.starts_with(base) || url.starts_with("data:") || url == "about:blank", "{url}");
        }
    }
}

/// Three dimensions: a series for each pair of the further two; more than there are colours, which is said. And a text
/// that cannot be put into the clipboard is selected.
fn the_rest_is_told(browser: &mut Browser) {
    click(browser, "addDimension");
    choose(browser, "dimension", 2, "playerWhiteName");
    assert_eq!(browser.value("document.getElementById('unshown').hidden"), true);
    click(browser, "run");
    browser.until("document.querySelectorAll('tbody tr').length === 25");
    let series = browser.value("Chart.getChart('chart').data.datasets.map((one) => [one.label, one.data])");
    let series: Vec<(String, Vec<Option<f64>>)> = serde_json::from_value(series).expect("series");
    assert_eq!(series.len(), 8);
    for (name, values) in &series {
        assert!(name.contains(" · W "), "{name}");
        // Each player played once.
        assert_eq!(values.iter().flatten().sum::<f64>(), 1.0, "{name}: {values:?}");
    }
    let told = browser.value("document.getElementById('unshown').textContent");
    assert!(told.as_str().is_some_and(|told| told.contains("first 8 of 24 series")), "{told}");
    browser.value("(() => { Object.defineProperty(navigator, 'clipboard', { value: undefined }); })()");
    click(browser, "copy");
    browser.until("document.getElementById('status').textContent.startsWith('selected')");
    assert_eq!(browser.value("getSelection().toString().includes('curl -sS')"), true);
}

#[test]
fn a_question_is_put_together_with_the_mouse() {
    story(async |app: App| {
        let (admin, eve, event) = (app.admin().await, app.guest().await, unique("Page"));
        let game = |n: usize| {
            let (result, moves) =
                ([("1-0", "1. e4 e5"), ("0-1", "1. d4 d5 2. c4"), ("1/2-1/2", "1. e4 c5 2. Nf3 d6")])[n % 3];
            format!(
                "[Event \"{event}\"]\n[White \"W {event} {n}\"]\n[Black \"B\"]\n[Result \"{result}\"]\n[UTCDate \"2025.0{}.03\"]\n\
                     [UTCTime \"10:00:00\"]\n\n{moves} {result}\n\n",
                1 + n % 4
            )
        };
        import(&admin, &(0..24).map(game).collect::<String>()).await.is(200);
        assert_eq!(eve.count("chessGameListView", &json!({"event": event})).await, 24);
        let base = format!("{}/bff-api/", app.query_bff);
        let mut browser = Browser::open(1280, 800);
        browser.go(&base);
        browser.until("document.querySelectorAll('#view option').length > 5");
        browser.value(&format!(
            "(() => {{ const t = document.getElementById('token'); t.value = {:?}; t.dispatchEvent(new Event('change')); }})()",
            eve.token
        ));
        browser.until("!document.getElementById('run').disabled");
        click(&mut browser, "addFilter");
        choose(&mut browser, "field", 0, "event");
        choose(&mut browser, "value", 0, &event);
        click(&mut browser, "addDimension");
        choose(&mut browser, "dimension", 0, "playedAt");
        choose(&mut browser, "how", 0, "month");
        click(&mut browser, "addDimension");
        choose(&mut browser, "dimension", 1, "result");
        click(&mut browser, "addMetric");
        choose(&mut browser, "of field", 0, "plies");
        click(&mut browser, "run");
        browser.until("document.getElementById('status').textContent.startsWith('24 documents')");
        let shown = browser.value(
            "[...document.querySelectorAll('tbody tr')].map((row) => [...row.cells].map((cell) => cell.textContent))",
        );
        let body = json!({"filters": {"event": event}, "groupBy": [{"field": "playedAt", "interval": "month"}, {"field": "result"}],
            "metrics": {"count": {"count": true}, "avg_plies": {"avg": "plies"}}});
        let answer = eve.search("/bff-api/chessGameListView/aggregate", &body).await.is(200).clone();
        let word = |value: &Value| value.as_str().map_or_else(|| value.as_f64().unwrap().to_string(), str::to_owned);
        let mut expected: Vec<Vec<String>> = answer["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| ["playedAt", "result", "count", "avg_plies"].map(|name| word(&row[name])).to_vec())
            .collect();
        expected.push(vec!["all".into(), String::new(), "24".into(), "3".into()]);
        assert_eq!(shown, json!(expected));
        assert_eq!(browser.value("document.getElementById('chartCard').hidden"), false);
        assert_eq!(browser.value("Chart.getChart('chart').data.datasets.length"), 3);
        keep(&mut browser, "analyst-1280x800.png");
        for (language, word) in [("python", "pd.json_normalize"), ("javascript", "await fetch"), ("curl", "curl -sS")] {
            browser.value(&format!("document.querySelector('[data-language={language}]').click()"));
            let text = browser.value("document.getElementById('snippet').textContent");
            let text = text.as_str().unwrap();
            assert!(text.contains(word) && text.contains("playedAt") && !text.contains(&eve.token), "{text}");
        }
        the_rest_is_told(&mut browser);
        browser.resize(390, 844);
        browser.until("document.documentElement.scrollWidth <= 390");
        keep(&mut browser, "analyst-390x844.png");
        is_clean(&browser, &app.query_bff);
    });
}
