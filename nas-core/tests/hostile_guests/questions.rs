//! What strategies ask their space: nothing that a genotype does not need reaches it, and its time is theirs.

use std::time::{Duration, Instant};

use nas_core::study::StudyError;

use super::{mode, search, search_in};

/// The error of a study whose strategy asks like this.
fn ends(asked: &str, n: u32) -> String {
    let begin = Instant::now();
    let (end, _) = search(mode("hstrat", asked, n), mode("heval", "", 1));
    assert!(begin.elapsed() < Duration::from_secs(25), "{asked} took {:?}", begin.elapsed());
    match end {
        Err(StudyError::Broken(error)) => {
            let text = error.to_string();
            assert!(text.starts_with("strategy 'hstrat'") && text.contains("in ask"), "{asked}: {text}");
            assert!(text.len() < 10_000, "{}", text.len());
            text
        }
        other => panic!("{asked}: {other:?}"),
    }
}

#[test]
fn texts_and_genotypes_without_end_do_not_reach_a_space() {
    for asked in ["parse-word", "parse-and", "parse-paren", "parse-commas"] {
        let text = ends(asked, 15_000_000);
        assert!(text.contains("was passed to space.parse; at most 64 are allowed"), "{asked}: {text}");
    }
    // In a space without conditions a strategy walks by itself; keys it has to ask for.
    let text = ends("key-long", 100_000);
    assert!(text.contains("100000 choices were passed to space.key; a genotype has at most 10000"), "{text}");
    assert!(ends("mutate-bad", 1).contains("was passed to space.mutate, but"));
    assert!(ends("sample-many", 1).contains("did not finish within"));
}

#[test]
fn a_proposal_that_makes_no_sense_ends_the_study() {
    assert!(ends("big-genotype", 1_000_000).contains("which is not in the space 'nas-bench-201'"));
    assert!(ends("many-proposals", 10_000).contains("and returned 10000"));
    assert!(ends("relaxed", 1).contains("it proposed a mixture without declaring"));
    for asked in ["fid-nan", "fid-neg"] {
        assert!(ends(asked, 1).contains("fidelity"), "{asked}");
    }
    for asked in ["resume-max", "resume-own"] {
        assert!(ends(asked, 1).contains("trial"), "{asked}");
    }
}

#[test]
fn the_stacks_of_a_strategy_and_its_space_fit_on_the_thread_together() {
    let study = || search_in(mode("hspace", "recursion", 1), mode("hstrat", "deep-ask", 2500), mode("heval", "", 1)).0;
    // As large as those of a benchmark's threads.
    let ended = std::thread::Builder::new().stack_size(2 << 20).spawn(study).unwrap().join().unwrap();
    match ended {
        Err(StudyError::Broken(error)) => {
            let text = error.to_string();
            assert!(text.starts_with("space 'hspace'") && text.contains("recursion is too deep"), "{text}");
        }
        other => panic!("{other:?}"),
    }
}
