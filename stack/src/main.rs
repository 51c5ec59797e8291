//! `cargo dev`.
use stack::{
    folders::Folders,
    screen::Screen,
    servers::{Options, Servers},
};
fn main() {
    let folders = Folders::choose(None).unwrap();
    let run = folders.run("try").unwrap();
    let mut options = Options::new(folders);
    options.screen = Screen::new();
    options.elasticsearch = std::env::args().nth(1);
    match Servers::start(&run, &options) {
        Ok(servers) => {
            println!("{}", serde_json::to_string_pretty(&servers.connections()).unwrap());
            std::thread::sleep(std::time::Duration::from_secs(
                std::env::args().nth(2).and_then(|t| t.parse().ok()).unwrap_or(600),
            ));
            servers.stop(&options.screen);
        }
        Err(e) => {
            eprintln!("error: {e}");
            std::process::exit(1);
        }
    }
}
