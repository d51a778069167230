//! Results in order of completion: no worker waits, and what happened is repeated exactly.

use nas_core::study::{PluginSpec, ResultOrder, StudySpec};

use crate::common::{
    STRATEGIES, assert_same_records, copy_study, go_on, message, read, records, run, run_with_copies, spec, with,
};

fn study(strategy: &str, workers: u32, trials: u32) -> StudySpec {
    let mut study = with(spec("order", strategy, trials), &[("sleep", "4000"), ("fail", "20")]);
    study.workers = Some(workers);
    study.order = Some(ResultOrder::Completion);
    study
}

#[test]
fn with_one_worker_both_orders_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    for strategy in STRATEGIES {
        let [one, other] = ["trial", "completion"].map(|order| folder.path().join(format!("{strategy}-{order}")));
        run(&StudySpec { order: None, ..study(strategy, 1, 30) }, &one).unwrap();
        run(&study(strategy, 1, 30), &other).unwrap();
        let (one, other) = (records(&one), records(&other));
        assert!(other.contains("results in order of completion\n"), "{other}");
        assert_same_records(&one, &other.replace("results in order of completion\n", ""), strategy);
    }
}

#[test]
fn no_worker_waits_for_an_earlier_trial() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("study");
    let sleepy = with(study("random-search", 4, 60), &[("sleep", "20000")]);
    // In the order of trials, a trial is asked for only when all but three of the earlier ones have ended.
    for (order, expected) in [(ResultOrder::Trial, false), (ResultOrder::Completion, true)] {
        let file = file.with_extension(if expected { "completion" } else { "trial" });
        run(&StudySpec { order: Some(order), ..sleepy.clone() }, &file).unwrap();
        let trials: Vec<_> = read(&file).trials.into_iter().collect();
        let overtakes = trials.windows(5).any(|five| {
            let (first, last) = (&five[0], &five[4]);
            first.trained && last.trained && last.started < first.finished.unwrap()
        });
        assert_eq!(overtakes, expected, "{order:?}");
    }
}

#[test]
fn whatever_the_order_was_a_resume_repeats_it() {
    let folder = tempfile::tempdir().unwrap();
    for strategy in STRATEGIES {
        let file = folder.path().join(format!("{strategy}.study"));
        let copies = folder.path().join(strategy);
        std::fs::create_dir(&copies).unwrap();
        let taken = run_with_copies(&study(strategy, 4, 24), &file, &copies).unwrap();
        let finished = records(&file);
        go_on(&file).unwrap();
        assert_same_records(&finished, &records(&file), strategy);

        // A process killed after any commit: what it had told stays, and the rest is measured once.
        for copy in taken.iter().step_by(7) {
            let before = read(copy).trials;
            go_on(copy).unwrap();
            let after = read(copy).trials;
            assert_eq!(after.len(), 24, "{strategy}");
            for (before, after) in before.iter().zip(&after).filter(|(before, _)| before.state.is_final()) {
                assert_eq!((&before.key, before.state), (&after.key, after.state), "{strategy}");
                assert_eq!(before.metrics, after.metrics, "{strategy}");
            }
            let again = copy.with_extension("again");
            copy_study(copy, &again).unwrap();
            let once = records(copy);
            go_on(&again).unwrap();
            assert_same_records(&once, &records(&again), strategy);
        }
    }
}

#[test]
fn a_pruner_needs_the_order_of_trials() {
    let folder = tempfile::tempdir().unwrap();
    let pruned = StudySpec { pruner: PluginSpec::named("median"), ..study("random-search", 2, 10) };
    let pruned = with(pruned, &[("curve", "true"), ("epochs", "4")]);
    let refused = run(&pruned, &folder.path().join("study"));
    message(refused, &["order", "a pruner compares trials in the order of their numbers", "leave the pruner out"]);
}
