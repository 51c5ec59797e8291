//! The analyst's page at `/`: puts questions together, shows what comes back, and writes the request for other programs.
//! Everything it loads stands beside it; its charts are Chart.js (MIT, see the head of `assets/chart.js`).

use service::http::File;

/// The page and what it loads.
pub const FILES: &[File] = &[
    File { path: "/", kind: "text/html; charset=utf-8", body: include_str!("../assets/analyst.html") },
    File { path: "/analyst.css", kind: "text/css; charset=utf-8", body: include_str!("../assets/analyst.css") },
    File { path: "/analyst.js", kind: "text/javascript; charset=utf-8", body: include_str!("../assets/analyst.js") },
    File { path: "/snippets.js", kind: "text/javascript; charset=utf-8", body: include_str!("../assets/snippets.js") },
    File { path: "/chart.js", kind: "text/javascript; charset=utf-8", body: include_str!("../assets/chart.js") },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_loads_what_stands_beside_it_and_nothing_else() {
        let page = FILES[0].body;
        for part in page.split("src=\"").skip(1).chain(page.split("href=\"").skip(1)) {
            let path = part.split('"').next().unwrap();
            let ours = FILES.iter().any(|file| file.path.trim_start_matches('/') == path);
            let shared = ["favicon.ico", "routes", "swagger/", "openapi.json"].contains(&path);
            assert!(ours || shared, "{path}");
        }
        assert!(!page.contains(" style=") && !page.contains(" onclick") && !page.contains("<script>"));
        assert!(FILES[4].body.contains("Released under the MIT License"));
    }
}
