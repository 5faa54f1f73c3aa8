//! What is loaded makes sense, for any windows.

use proptest::prelude::*;
use tidegauge::kibana::{check, ndjson};

use super::{layout_of, run, stderr, stdout};

#[test]
fn the_default_objects_are_without_fault() {
    let layout = layout_of("");
    let objects = ndjson(&layout.objects());
    assert_eq!(check::faults(&objects, &layout), [""; 0]);
    let output = run(&["check"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("10 objects are valid"));
}

#[test]
fn objects_of_another_prefix_and_other_windows_name_those() {
    let layout = layout_of(
        "[elasticsearch]\nindex_prefix = 'shop.eu'\n[[window]]\nname = 'quarter'\nsize = '15m'\n",
    );
    let objects = ndjson(&layout.objects());
    assert_eq!(check::faults(&objects, &layout), [""; 0]);
    for wanted in ["shop.eu-quarter", "shop.eu-totals", "shop.eu-dashboard"] {
        assert!(objects.contains(wanted), "{wanted}");
    }
    for other in ["payments-", "10m-by-1m", "window_end\",\"timeFieldName"] {
        assert!(!objects.contains(other), "{other}");
    }
    // They do not fit the default windows, and that is said.
    let faults = check::faults(&objects, &layout_of(""));
    assert!(!faults.is_empty());
}

#[test]
fn a_file_that_makes_no_sense_is_refused_with_all_its_faults() {
    let layout = layout_of("");
    let objects = ndjson(&layout.objects());
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    std::fs::write(path, &objects).unwrap();
    let output = run(&["check", "--file", path]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));

    let broken = objects
        .replace("pay_count", "pay_cuont")
        .replace("\"8.9.0\"", "\"10.3.0\"");
    std::fs::write(path, broken).unwrap();
    let output = run(&["check", "--file", path]);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.contains("documents have no field pay_cuont"), "{said}");
    assert!(
        said.contains("typeMigrationVersion is \"10.3.0\""),
        "{said}"
    );
}

fn windows() -> impl Strategy<Value = String> {
    let sizes = prop::sample::select(vec!["1m", "5m", "15m", "1h", "6h", "1d", "7d"]);
    let kinds = prop::sample::select(vec!["", "slide = '1m'", "step = '1m'"]);
    // Names that the ids of panels could be taken for.
    let names = prop::sample::select(vec![
        "a",
        "final",
        "exact",
        "1m",
        "last-1m",
        "windows-1m",
        "by-end",
        "dashboard",
    ]);
    prop::collection::btree_map(names, (sizes, kinds), 1..6).prop_map(|windows| {
        windows
            .into_iter()
            .map(|(name, (size, kind))| {
                let kind = if size == "1m" { "" } else { kind };
                format!("[[window]]\nname = '{name}'\nsize = '{size}'\n{kind}\n")
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]
    #[test]
    fn objects_of_any_windows_are_without_fault(windows in windows()) {
        let layout = layout_of(&windows);
        let objects = ndjson(&layout.objects());
        prop_assert_eq!(check::faults(&objects, &layout), Vec::<String>::new());
    }
}
