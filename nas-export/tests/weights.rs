//! Fresh weights equal the evaluator's, and weights of other networks are refused.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use nas_api::{Evaluator, EvaluatorPlugin, SearchSpace, Settings, Task};
use nas_evaluator_burn::BurnEvaluator;
use nas_export::{About, Model, Weights, onnx, write_safetensors};
use nas_spaces::{Mlp, NasBench201};

fn space<S: SearchSpace>() -> S {
    S::open(&Settings::defaults(&S::parameters())).unwrap()
}

fn arrays(file: &Path) -> BTreeMap<String, (Vec<usize>, Vec<u8>)> {
    let bytes = fs::read(file).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    tensors.iter().map(|(name, view)| (name.to_owned(), (view.shape().to_vec(), view.data().to_vec()))).collect()
}

#[test]
fn fresh_weights_equal_those_with_which_training_begins() {
    let folder = tempfile::tempdir().unwrap();
    let evaluator = BurnEvaluator::open(&Settings::defaults(&BurnEvaluator::info().parameters), None).unwrap();
    let space = space::<NasBench201>();
    let task =
        Task { settings: Settings::defaults(&space.task_parameters()), ..evaluator.instance_info().task.unwrap() };
    let graph = space.build(&space.sample(1), &task).unwrap();
    let (trained, fresh) = (folder.path().join("trained"), folder.path().join("fresh"));
    // With no epochs, these are the weights before training.
    evaluator.train_final(&graph, 0, 42, Some(&trained), &|| false, &mut |_| {}).unwrap();
    let model = Model::new(&graph, &task, About::default()).unwrap();
    write_safetensors(&model, &Weights::Fresh(42), &fresh).unwrap();
    assert_eq!(arrays(&fresh), arrays(&trained));
    write_safetensors(&model, &Weights::Fresh(43), &fresh).unwrap();
    assert_ne!(arrays(&fresh), arrays(&trained));
}

#[test]
fn other_weights_are_refused_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let space = space::<Mlp>();
    let task = Task { input_shape: vec![4], outputs: 3, kind: "classification".into(), settings: Settings::default() };
    let model = |text: &str| {
        let graph = space.build(&space.parse(text).unwrap(), &task).unwrap();
        Model::new(&graph, &task, About::default()).unwrap()
    };
    let (small, large) = (model("layers=1,width1=32,activation1=relu"), model("layers=1,width1=64,activation1=relu"));
    write_safetensors(&small, &Weights::Fresh(0), &at("small")).unwrap();
    let weights = Weights::open(&at("small")).unwrap();
    let message = onnx::write(&large, &weights, &at("net.onnx")).unwrap_err().to_string();
    assert!(message.contains("has the shape [32, 4], not [64, 4]"), "{message}");
    assert!(!at("net.onnx").exists());

    let whole = fs::read(at("small")).unwrap();
    let hostile = [u64::MAX.to_le_bytes().to_vec(), (1_u64 << 40).to_le_bytes().to_vec(), b"{}".to_vec(), Vec::new()];
    let shortened = [10, whole.len() - 1].map(|length| whole[..length].to_vec());
    for damaged in hostile.into_iter().chain(shortened) {
        fs::write(at("damaged"), damaged).unwrap();
        let message = Weights::open(&at("damaged")).unwrap_err().to_string();
        assert!(message.contains("damaged' does not hold the weights of this network"), "{message}");
    }
}
