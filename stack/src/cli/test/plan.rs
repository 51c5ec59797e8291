//! Which tests run, in which order: units, then stories, then those that kill servers, one after another.

use std::path::{Path, PathBuf};

use stack::error::Result;

use super::runner::Runner;
use crate::cli::build::Artifact;

/// What the command line asked for.
#[derive(Debug, Clone, Copy)]
pub struct Selection<'a> {
    /// Words, one of which a path must contain; none = all tests.
    pub filter: &'a [String],
    /// Whether long tests run too.
    pub long: bool,
}

/// Some tests of one program, run together.
#[derive(Debug)]
pub struct Pass {
    /// For the person at the terminal.
    pub title: String,
    /// The program.
    pub program: PathBuf,
    /// The folder that it runs in.
    pub folder: PathBuf,
    /// The paths of the tests.
    pub tests: Vec<String>,
    /// Whether these are all tests of the program.
    pub whole: bool,
    /// How many run at once; the machine decides if none.
    pub threads: Option<u32>,
}

/// Stories mostly wait, so more of them run at once than there are cores.
const STORIES_AT_ONCE: u32 = 3;
/// Tests that kill servers have their own, and wait for them most of the time; the long ones measure losses and are
/// left alone.
const FAULTS_AT_ONCE: u32 = 2;

/// Everything to run, in order.
pub fn passes(programs: &[Artifact], selection: &Selection<'_>, runner: &Runner) -> Result<Vec<Pass>> {
    let mut programs: Vec<(&Artifact, &Path)> =
        programs.iter().filter_map(|artifact| Some((artifact, artifact.executable.as_deref()?))).collect();
    programs.sort_by_key(|(artifact, _)| (is_stories(artifact), title(artifact)));
    let mut passes = Vec::new();
    for (artifact, program) in programs {
        let folder = artifact.manifest_path.parent().unwrap_or(Path::new("/")).to_path_buf();
        let all = runner.list(program, &folder)?;
        let chosen: Vec<String> = all.iter().filter(|test| selection.takes(test)).cloned().collect();
        let pass = |what: &str, tests: Vec<String>, threads| Pass {
            title: format!("{}{what}", title(artifact)),
            program: program.to_path_buf(),
            folder: folder.clone(),
            whole: tests.len() == all.len(),
            tests,
            threads,
        };
        if is_stories(artifact) {
            let (faults, stories) = chosen.into_iter().partition(|test| has_segment(test, "faults"));
            passes.push(pass("", stories, Some(STORIES_AT_ONCE)));
            let at_once = if selection.long { 1 } else { FAULTS_AT_ONCE };
            passes.push(pass(": faults", faults, Some(at_once)));
        } else {
            passes.push(pass("", chosen, None));
        }
    }
    // All programs first, then the faults of any.
    passes.sort_by_key(|pass| pass.title.ends_with(": faults"));
    Ok(passes)
}

impl Selection<'_> {
    fn takes(&self, test: &str) -> bool {
        let wanted = self.filter.is_empty() || self.filter.iter().any(|word| test.contains(word.as_str()));
        wanted && (self.long || !has_segment(test, "long"))
    }
}

/// The one program of stories over HTTP.
fn is_stories(artifact: &Artifact) -> bool {
    artifact.target.name == "main" && artifact.target.kind.iter().any(|kind| kind == "test")
}

fn title(artifact: &Artifact) -> String {
    let kind = artifact.target.kind.first().map_or("", String::as_str);
    let package = artifact.manifest_path.parent().and_then(Path::file_name).unwrap_or_default().display();
    format!("{package} ({kind} {})", artifact.target.name)
}

/// Whether a path like `faults::postgres::dies` has this module in it.
fn has_segment(test: &str, segment: &str) -> bool {
    test.rsplit_once("::").is_some_and(|(modules, _)| modules.split("::").any(|module| module == segment))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_tests_need_the_flag_and_words_select() {
        let filter = vec!["game".to_owned()];
        let short = Selection { filter: &filter, long: false };
        assert!(short.takes("gameplay::moves"));
        assert!(!short.takes("auth::login"));
        assert!(!short.takes("gameplay::long::moves"));
        assert!(Selection { long: true, ..short }.takes("gameplay::long::moves"));
        assert!(Selection { filter: &[], long: false }.takes("along::moves"));
        assert!(!has_segment("a_test_called::long", "long"), "only modules count");
    }
}
