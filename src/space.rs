//! `nas space show` and `nas space sample`; also opens spaces for other commands.

use std::path::Path;
use std::process::ExitCode;

use nas_api::graph::{count, shape};
use nas_api::{Graph, OpenSpace, SpaceInfo, Task};
use nas_core::study::{StudyError, StudySpec, check_settings};
use nas_core::{MAX_MESSAGE, shown};
use serde_json::{Value, json};

use crate::args::{Args, SpaceSample, SpaceShow, TaskFlags};
use crate::failure::Failure;
use crate::{architecture, plugins, print};

/// Shows the decisions, the size and the task settings of a space.
///
/// # Errors
/// The space cannot be opened.
pub fn show(args: &Args, show: &SpaceShow) -> Result<ExitCode, Failure> {
    let (mut space, _) = open(args, &show.space, &show.sets)?;
    let info = space.info()?;
    let task = space.task_parameters()?;
    if show.json {
        print::json(&json!({"space": info, "task_parameters": task}))?;
        return Ok(ExitCode::SUCCESS);
    }
    out!("{} {}\n{}", info.name, info.version, shown(&info.description, MAX_MESSAGE));
    if !info.reference.is_empty() {
        out!("{}", shown(&info.reference, MAX_MESSAGE));
    }
    if let Some(size) = size(&info) {
        out!("size: {size}");
    }
    let conditional = if info.conditional { "\nwhich decisions occur depends on earlier choices" } else { "" };
    out!("{}{conditional}\n", count_of(info.decisions.len(), "decision"));
    let rows = info.decisions.iter().map(|decision| {
        let order = if decision.ordered { "ordered" } else { "" };
        vec![decision.name.clone(), decision.choices.join(", "), order.to_owned()]
    });
    out!("{}", print::table(&["decision", "choices", ""], rows.collect()));
    if !task.is_empty() {
        let rows = task.iter().map(|p| vec![p.name.clone(), p.default.to_string(), p.description.clone()]);
        out!("\n{}", print::table(&["task setting", "default", ""], rows.collect()));
    }
    Ok(ExitCode::SUCCESS)
}

/// Lists the operators that can be layers of a choice space, with their attributes.
///
/// # Errors
/// Standard output cannot be written.
pub fn operators(as_json: bool) -> Result<ExitCode, Failure> {
    if as_json {
        let operators = nas_spaces::chain_operators().map(
            |operator| json!({"name": operator.name, "required": operator.required, "optional": operator.optional}),
        );
        print::json(&json!({"operators": operators.collect::<Vec<_>>()}))?;
        return Ok(ExitCode::SUCCESS);
    }
    let rows = nas_spaces::chain_operators()
        .map(|operator| vec![operator.name.to_owned(), operator.required.join(", "), operator.optional.join(", ")]);
    out!("{}", print::table(&["operator", "must have", "may have"], rows.collect()));
    out!("\nMaxPool and AveragePool must have strides or pads. docs/spaces.md says what values attributes take.");
    Ok(ExitCode::SUCCESS)
}

/// The number of genotypes, formatted for people; `None` if the space does not know it.
pub fn size(info: &SpaceInfo) -> Option<String> {
    let size = info.log10_size?;
    let exact = 10_f64.powf(size);
    let about = if exact < 1e15 { print::number(exact.round()) } else { format!("10^{size:.1}") };
    Some(format!("{about} genotypes"))
}

fn count_of(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Shows random networks, or the one of `--text`, with their counts of parameters and operations.
///
/// # Errors
/// The space cannot be opened, the text is not an architecture of it, or it has no network for the task.
pub fn sample(args: &Args, sample: &SpaceSample) -> Result<ExitCode, Failure> {
    let (mut space, task) = opened(args, &sample.space, &sample.task)?;
    let genotypes = match &sample.text {
        Some(text) => vec![architecture::parse(&mut *space, "--text", text)?],
        None => (0..sample.count)
            .map(|index| Ok(space.sample(sample.seed.wrapping_add(index))?))
            .collect::<Result<Vec<_>, Failure>>()?,
    };
    let mut samples = Vec::new();
    for genotype in genotypes {
        let (text, graph) = architecture::build(&mut *space, &genotype, &task)?;
        let key = space.key(&genotype)?;
        let metrics = metrics(&graph, &task).map_err(|error| Failure::input(format!("{text}: {error}")))?;
        let mut object = json!({"genotype": genotype, "text": text, "key": key, "metrics": metrics});
        if let (true, Some(object)) = (sample.graph, object.as_object_mut()) {
            object.insert("graph".into(), json!(graph));
        }
        samples.push((text, metrics, graph, object));
    }
    if sample.json {
        let objects: Vec<Value> = samples.into_iter().map(|(_, _, _, object)| object).collect();
        print::json(&json!({"space": sample.space, "samples": objects}))?;
        return Ok(ExitCode::SUCCESS);
    }
    let names = ["params", "macs", "flops", "depth"];
    let rows = samples.iter().map(|(text, metrics, _, _)| {
        let values = names.iter().map(|&name| print::number(metrics[name].as_f64().unwrap_or(0.0)));
        values.chain([text.clone()]).collect()
    });
    let header: Vec<&str> = names.into_iter().chain(["architecture"]).collect();
    out!("{}", print::table(&header, rows.collect()));
    if sample.graph {
        for (_, _, graph, _) in &samples {
            out!("\n{}", nodes(graph, &task).map_err(|error| Failure::broken(error.to_string()))?);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Opens a space with the task that the flags describe. The shapes in an ONNX file take the place of the defaults.
///
/// # Errors
/// The space cannot be opened, or the flags do not describe a task.
pub fn opened(args: &Args, reference: &str, flags: &TaskFlags) -> Result<(Box<dyn OpenSpace>, Task), Failure> {
    let (mut space, spec) = open(args, reference, &flags.sets)?;
    let parameters = space.task_parameters()?;
    let mut task = Task {
        input_shape: vec![3, 32, 32],
        outputs: 10,
        kind: flags.kind.clone().unwrap_or_else(|| "classification".into()),
        settings: check_settings("task", &parameters, &spec.task.settings)?,
    };
    if reference.ends_with(".onnx") {
        let file = nas_export::import(Path::new(reference)).map_err(|error| Failure::input(error.to_string()))?;
        (task.input_shape, task.outputs) = (file.input_shape, file.outputs);
    }
    if let Some(input) = &flags.input {
        task.input_shape = input_shape(input)?;
    }
    task.outputs = flags.outputs.unwrap_or(task.outputs);
    Ok((space, task))
}

/// Opens the space of a name or file with the given settings. The returned spec has the settings of the task.
fn open(args: &Args, reference: &str, sets: &[String]) -> Result<(Box<dyn OpenSpace>, StudySpec), Failure> {
    let mut spec = StudySpec::default();
    for assignment in sets {
        spec.set(assignment)?;
    }
    if !spec.strategy.settings.is_empty() || !spec.evaluator.settings.is_empty() {
        return Err(Failure::input("--set: only space.KEY=VALUE and task.KEY=VALUE can be set here"));
    }
    let source = plugins::registry(args)?.space(reference)?;
    let settings = check_settings("space", &source.parameters()?, &spec.space.settings)?;
    Ok((source.open(&settings).map_err(StudyError::Open)?, spec))
}

/// Parses a shape such as `3,32,32` or `3x32x32`.
fn input_shape(text: &str) -> Result<Vec<i64>, Failure> {
    let shape: Result<Vec<i64>, _> = text.split([',', 'x']).map(|size| size.trim().parse()).collect();
    match shape {
        Ok(shape) if shape.iter().all(|&size| size > 0) => Ok(shape),
        _ => Err(Failure::input(format!("--input {text}: must be positive sizes, as in 3,32,32"))),
    }
}

fn metrics(graph: &Graph, task: &Task) -> Result<Value, nas_api::graph::GraphError> {
    let shapes = shape::infer(graph, &task.input_shape)?;
    let counts = count::count(graph, &shapes)?;
    Ok(json!({"params": counts.params, "macs": counts.macs, "flops": counts.flops, "depth": counts.depth}))
}

fn nodes(graph: &Graph, task: &Task) -> Result<String, nas_api::graph::GraphError> {
    let shapes = shape::infer(graph, &task.input_shape)?;
    let rows = graph.nodes.iter().zip(&shapes).map(|(node, shape)| {
        let inputs: Vec<&str> =
            node.inputs.iter().filter_map(|&input| Some(graph.nodes.get(input as usize)?.name.as_str())).collect();
        vec![node.name.clone(), node.op.to_string(), format!("{shape:?}"), inputs.join(", ")]
    });
    Ok(print::table(&["node", "operator", "shape", "inputs"], rows.collect()))
}
