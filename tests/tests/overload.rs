//! Elasticsearch is too busy for our writes: nothing is lost, and everybody can see it.

use serde_json::json;
use wechess_tests::refusing::{Mood, Refusing};
use wechess_tests::servers::stack;
use wechess_tests::{System, alone, eventually};

const VIEWS: &[&str] = &["chessGame", "chessGameMove"];

#[test]
fn bulks_that_are_refused_are_sent_again_until_they_are_taken() {
    alone(async || {
        let busy = Refusing::before(&stack().elasticsearch).await;
        let url = format!("http://{}", busy.addr);
        let system = System::with_settings(VIEWS, &[("WECHESS_ELASTICSEARCH_URL", &url)]).await;
        let (ann, bob) = (system.guest().await, system.guest().await);
        let game = ann.create_game(&bob).await;
        game.play("e4 e5").await;
        system.all_settled().await;

        for (mood, metric) in
            [(Mood::Refusing, "wechess_elasticsearch_retries_total"), (Mood::Choosy, "wechess_bulk_later_total")]
        {
            let (refused, counted) = (busy.refused(), system.metric(metric).await);
            busy.set(mood);
            let number = 3 + 4 * u32::from(mood == Mood::Choosy);
            game.play_from(number, "Nf3 Nf6 Ng1 Ng8").await;
            eventually("several tries are refused", async || (busy.refused() >= refused + 4).then_some(())).await;
            assert!(system.metric(metric).await > counted, "{metric} does not tell");
            let report = system.projection().await;
            let errors: Vec<&str> = VIEWS.iter().filter_map(|v| report["info"]["views"][v]["error"].as_str()).collect();
            assert!(errors.iter().any(|error| error.contains("429")), "{report}");
            busy.set(Mood::Well);
            system.all_settled().await;
            let found = ann.find("chessGame", &json!({"id": game.id})).await;
            assert_eq!(found[0]["moveCount"], number + 3);
            assert_eq!(ann.count("chessGameMove", &json!({"gameId": game.id})).await, u64::from(number + 3));
        }
        let report = system.projection().await;
        assert!(VIEWS.iter().all(|view| report["info"]["views"][view]["error"].is_null()), "{report}");
        system.nothing_is_parked().await;
        system.end().await;
    });
}
