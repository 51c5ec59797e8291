//! The programs that measure run to their end and write what they promise. Not the figures: those are for quiet machines.

#[cfg(test)]
mod long {
    use std::process::Command;

    use serde_json::Value;

    /// Runs `wechess-bench` briefly, with the services that lie beside it; the rows that it wrote.
    fn rows(arguments: &[&str]) -> Vec<Value> {
        let program = env!("CARGO_BIN_EXE_wechess-bench");
        let json = std::env::temp_dir().join(format!("wechess-brief-{}-{}.json", arguments[0], std::process::id()));
        let mut command = Command::new(program);
        command.args(arguments).args(["--brief", "--json"]).arg(&json);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "{said}");
        let rows: Vec<Value> = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
        std::fs::remove_file(&json).unwrap();
        rows
    }

    /// Each target that was measured, with a figure, a unit and, where it is wanted, a verdict.
    #[test]
    fn brief_runs_write_the_promised_rows() {
        for (arguments, id) in [
            (&["append", "--writers", "1,32"][..], "T1"),
            (&["moves", "--connections", "8"], "T2"),
            (&["projector"], "T4"),
            (&["query"], "T"),
            (&["growth"], "T8"),
        ] {
            let rows = rows(arguments);
            assert!(!rows.is_empty(), "{arguments:?}");
            for row in &rows {
                assert!(row["id"].as_str().unwrap().starts_with(id), "{row}");
                assert!(
                    row["ours"].as_f64().unwrap() > 0.0 && row["unit"].is_string() && row["case"].is_string(),
                    "{row}"
                );
                assert_eq!(row["goal"] == "", row["met"].is_null(), "{row}");
                assert_eq!(row["reference"].is_null(), row["ratio"].is_null(), "{row}");
            }
        }
    }
}
