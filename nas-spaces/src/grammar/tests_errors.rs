//! Invalid definitions and texts are refused with a message that names the fault.

#![allow(clippy::unwrap_used)]

use nas_api::{SearchSpace, Setting, Settings, Value};

use super::GrammarSpace;

/// Checks that a definition is refused. `rules` is the text after `start = "A"`.
#[track_caller]
fn refused(rules: &str, words: &[&str]) {
    let text = format!("name = \"g\"\nversion = \"1\"\nstart = \"A\"\n{rules}");
    let error = GrammarSpace::from_toml(&text).unwrap_err().to_string();
    for words in words {
        assert!(error.contains(words), "'{words}' is not in: {error}");
    }
}

/// Checks that a definition with this alternative of the rule A is refused.
#[track_caller]
fn wrong_term(term: &str, words: &[&str]) {
    refused(&format!("[rules]\nA = [\"id\", \"{term}\", \"B2\"]\nB2 = [\"relu\"]\n"), words);
}

#[test]
fn definitions_that_are_not_grammars_are_refused() {
    refused("rules = 3", &["line 4"]);
    refused("[rules]\nA = \"id\"\n", &["line 5"]);
    refused("[rules]\nA = [\"id\"]\n[network]\nx = 1\n", &["unknown field `network`"]);
    refused("[rules]\nB = [\"id\"]\n", &["start = 'A'", "not one of the rules (B)"]);
    let set = |text: &str| {
        let given = vec![Setting { name: "definition".into(), value: Value::Text(text.into()) }];
        GrammarSpace::open(&Settings::checked(&GrammarSpace::parameters(), &given).unwrap())
    };
    assert_eq!(set(" ").unwrap().info().name, "hierarchical-nas-bench-201");
    assert!(set("name = 3").unwrap_err().to_string().contains("line 1"));
    let named = "name = \"G\"\nversion = \"1\"\nstart = \"A\"\nrules = { A = [\"id\"] }";
    assert!(set(named).unwrap_err().to_string().contains("kebab case"));
    assert_eq!(set(&named.replace('G', "g")).unwrap().sample(0), [0; 0]);
}

#[test]
fn invalid_rules_are_refused() {
    refused("[rules]\na = [\"id\"]\nA = [\"a\"]\n", &["rule 'a' has an invalid name", "upper-case"]);
    refused("[rules]\nA = []\n", &["rule 'A' has 0 alternatives"]);
    refused("[rules]\nA = [\"id\", \"relu\", \" id \"]\n", &["rule 'A', alternative 3", "repeats alternative 1"]);
    refused("[rules]\nA = [\"id\"]\nB = [\"id\"]\n", &["rule 'B' cannot be reached from 'A'", "remove it"]);
    refused("[rules]\nA = [\"id\", \"B\"]\nB = [\"linear(B, id)\", \"C\"]\nC = [\"B\"]\n", &["rule 'B' can never end"]);
    refused("[rules]\nA = [\"A\"]\n", &["rule 'A' can never end"]);
    refused("[rules]\nA = [\"id\", \"linear(A, A)\"]\n", &["rule 'A' is recursive", "set depth = NUMBER", "(1 to 50)"]);
    refused("depth = 1\n[rules]\nA = [\"B\"]\nB = [\"id\"]\n", &["depth = 1 must lie between 2", "and 50"]);
    refused("depth = 51\n[rules]\nA = [\"id\"]\n", &["depth = 51"]);
    refused(
        "depth = 2\n[rules]\nA = [\"id\", \"B\"]\nB = [\"relu\", \"linear(id, A)\"]\n",
        &["rule 'B', alternative 2 ('linear(id, A)')", "never be chosen within depth = 2", "greater depth"],
    );
}

#[test]
fn invalid_terms_are_refused() {
    wrong_term("linear(id, B3)", &["rule 'A', alternative 2 ('linear(id, B3)')", "no rule 'B3'", "did you mean 'B2'?"]);
    wrong_term("liner(id, B2)", &["no combinator or primitive 'liner'", "did you mean 'linear'?"]);
    wrong_term("Relu", &["no rule 'Relu'", "did you mean 'relu'?"]);
    wrong_term("zzzzzzzzzzzz", &["no combinator or primitive 'zzzzzzzzzzzz'"]);
    wrong_term("B2(id)", &["the rule 'B2' takes no arguments"]);
    wrong_term("cell(B2, B2)", &["'cell' takes 6 terms, not 2"]);
    wrong_term("sum(B2)", &["'sum' takes 2 to 64 terms, not 1"]);
    wrong_term("sum(B2, 3)", &["'sum' takes terms, not the number 3"]);
    wrong_term("conv(B2)", &["'conv' takes no terms, but 'B2'"]);
    wrong_term("conv", &["must be written as conv(KERNEL, dilation=NUMBER, groups=NUMBER)"]);
    wrong_term("conv(3, 3)", &["must be written as conv("]);
    wrong_term("conv(3, stride=2)", &["must be written as conv("]);
    wrong_term("conv(3, dilation=2, dilation=2)", &["must be written as conv("]);
    wrong_term("conv(4)", &["kernel of 'conv' must be odd"]);
    wrong_term("conv(17)", &["between 1 and 15, but is 17"]);
    wrong_term("conv(3, groups=0)", &["groups of 'conv' must lie between 1 and 64"]);
    wrong_term("max-pool", &["max-pool(KERNEL)"]);
    wrong_term("relu(3)", &["'relu' takes no numbers"]);
    wrong_term("linear(id,", &["at column 11, found the end of the text"]);
    wrong_term("", &["at column 1, found the end of the text"]);
    wrong_term("linear(conv(3, groups=61), conv(3, groups=59), conv(3, groups=53))", &["groups", "divide one another"]);
}

#[test]
fn branches_that_differ_in_resolution_are_refused() {
    wrong_term("residual(down, id)", &["alternative 2", "do not fit together", "1, 0 times"]);
    wrong_term("sum(id, linear(down, down))", &["0, 2 times"]);
    wrong_term("cell(id, id, id, down, id, id)", &["'down' inside a cell"]);
    refused(
        "[rules]\nA = [\"sum(B, B)\"]\nB = [\"id\", \"down\"]\n",
        &["rule 'A', alternative 1", "0 or 1, 0 or 1 times"],
    );
    let nine = ["down"; 9].join(", ");
    wrong_term(&format!("linear({nine})"), &["more than 8 times"]);
    refused(
        "depth = 12\n[rules]\nA = [\"id\", \"linear(down, A)\"]\n",
        &["rule 'A', alternative 2", "more than 8 times"],
    );
}

#[test]
fn excessive_sizes_are_refused() {
    let ladder = |rules: usize, width: usize, last: &str| {
        let arguments = |next: usize| vec![format!("A{next}"); width].join(", ");
        let inner: String = (0..rules).map(|at| format!("A{at} = [\"sum({})\"]\n", arguments(at + 1))).collect();
        format!("[rules]\nA = [\"A0\"]\n{inner}A{rules} = [\"{last}\", \"id\"]\n")
    };
    refused(&ladder(20, 2, "relu"), &["more than 20000 positions", "smaller depth"]);
    let wide = format!("linear({})", ["conv(3)"; 60].join(", "));
    refused(&ladder(3, 12, &wide), &["networks of up to", "at most 100000"]);
    let nested = (0..30).fold("id".to_owned(), |inner, _| format!("linear(relu, {inner})"));
    let chain: String =
        (0..8).map(|at| format!("A{at} = [\"{}\"]\n", nested.replace("id", &format!("A{}", at + 1)))).collect();
    refused(&format!("[rules]\nA = [\"A0\"]\n{chain}A8 = [\"id\"]\n"), &["nested more than 200 deep"]);
    let long: String = (0..60).map(|at| format!("A{at} = [\"A{}\"]\n", at + 1)).collect();
    refused(&format!("[rules]\nA = [\"A0\"]\n{long}A60 = [\"id\"]\n"), &["nests 62 rules", "at most 50"]);
    let many: String = (0..300).map(|at| format!("A{at} = [\"id\"]\n")).collect();
    refused(&format!("[rules]\nA = [\"id\"]\n{many}"), &["301 rules"]);
}

#[test]
fn texts_that_are_not_networks_are_refused() {
    let space = GrammarSpace::hierarchical_nas_bench_201().unwrap();
    let text = space.format(&space.sample(0));
    let refused = |text: &str, words: &[&str]| {
        let error = space.parse(text).unwrap_err().to_string();
        for words in words {
            assert!(error.contains(words), "'{words}' is not in: {error}");
        }
    };
    refused("", &["not a network of hierarchical-nas-bench-201", "at column 1, found the end of the text"]);
    refused("linear(D1, D1, D0)", &["'D1' would be a rule"]);
    refused("relu", &["found 'relu', but D2 must be one of linear(D1, D1, D0) | "]);
    refused(&text.replacen("avg-pool(3)", "avg-pool(5)", 1), &["found 'avg-pool(5)', but OP."]);
    refused(&text.replacen("mish", "mesh", 1), &["did you mean 'mish'?"]);
    refused(&format!("{text} by x"), &["'by' must be followed"]);
    refused(&format!("{text} by 0"), &["lacks the decision 'D1.1'"]);
    let other: Vec<String> = space.sample(1).iter().map(u32::to_string).collect();
    refused(&format!("{text} by {}", other.join(",")), &["derive another term"]);
}
