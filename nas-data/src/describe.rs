//! Describes data in figures, and warns about what looks wrong.

use std::collections::HashSet;
use std::path::Path;

use serde::Serialize;

use crate::coco;
use crate::config::{DataConfig, Kind};
use crate::dataset::Data;
use crate::error::DataError;
use crate::examples::{Examples, Targets};
use crate::tabular::{Column, ColumnKind, Table};

/// Classes with fewer training examples than this get a warning.
const FEW: usize = 5;

/// The figures of a data set.
#[derive(Clone, Debug, Serialize)]
pub struct Description {
    /// The file, the folder or the name of the data.
    pub source: String,
    /// `classification`, `regression`, `language` or `detection`.
    pub task: String,
    /// The shape of one input: `[channels, height, width]`, `[features]`, or `[positions]`.
    pub shape: Vec<usize>,
    /// Number of outputs of a network.
    pub outputs: usize,
    /// Numbers of examples for training, validation and test.
    pub examples: [usize; 3],
    /// The classes of the examples or, for detection, of the objects; empty for other tasks.
    pub classes: Vec<ClassCount>,
    /// The columns of a table, or the channels of images.
    pub values: Vec<Values>,
    /// The target of regression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Values>,
    /// Number of tokens in a text's vocabulary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vocabulary: Option<usize>,
    /// What looks wrong, and what can be done about it.
    pub warnings: Vec<String>,
}

/// How often a class occurs.
#[derive(Clone, Debug, Serialize)]
pub struct ClassCount {
    /// Its name, or its number.
    pub name: String,
    /// Numbers of examples, or of objects, for training, validation and test.
    pub examples: [usize; 3],
}

/// The values of one column, or of one channel of the training images.
#[derive(Clone, Debug, Serialize)]
pub struct Values {
    /// The column's name, or `channel` and its number.
    pub name: String,
    /// `number`, `truth` or `category`.
    pub kind: String,
    /// Number of missing values.
    pub missing: usize,
    /// The smallest number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The largest number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// The mean of numbers, or the fraction of truth values that are true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean: Option<f64>,
    /// Number of different categories.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub names: Option<usize>,
}

/// Opens the data and describes them.
///
/// # Errors
///
/// Fails if the data cannot be opened.
pub fn describe(config: &DataConfig) -> Result<Description, DataError> {
    let data = Data::open(config)?;
    let sets = [&data.train, &data.validation, &data.test];
    let mut description = Description {
        source: config.source.clone(),
        task: data.kind.name().to_owned(),
        shape: data.train.shape.clone(),
        outputs: data.train.outputs(),
        examples: sets.map(Examples::len),
        classes: classes(&data, sets),
        values: Vec::new(),
        target: None,
        vocabulary: (data.kind == Kind::Language).then(|| data.train.outputs()),
        warnings: Vec::new(),
    };
    if data.encoding.is_some() {
        let table = Table::read(Path::new(&config.source), config)?;
        description.values = table.columns.iter().map(column).collect();
        if let Targets::Values(values) = &table.targets {
            description.target = Some(numbers("target".to_owned(), values.iter().copied()));
        }
        description.warnings.extend(table.columns.iter().filter_map(odd));
    } else if data.kind != Kind::Language {
        description.values = channels(&data);
    }
    if data.kind == Kind::Detection {
        description.warnings.extend(coco::oddities(Path::new(&config.source))?);
    }
    description.warnings.extend(few(&description.classes, data.kind));
    description.warnings.extend(seen(&data));
    Ok(description)
}

fn classes(data: &Data, sets: [&Examples; 3]) -> Vec<ClassCount> {
    let count = match &data.train.targets {
        Targets::Labels { classes, .. } => *classes,
        Targets::Boxes(boxes) => boxes.classes,
        Targets::Values(_) | Targets::Tokens { .. } => return Vec::new(),
    };
    let mut counts = vec![[0; 3]; count as usize];
    for (part, set) in sets.into_iter().enumerate() {
        let mut seen = |class: u32| counts[class as usize][part] += 1;
        match &set.targets {
            Targets::Labels { labels, .. } => labels.iter().copied().for_each(&mut seen),
            Targets::Boxes(boxes) => {
                boxes.objects().iter().filter(|object| !object.crowd).for_each(|object| seen(object.class));
            }
            Targets::Values(_) | Targets::Tokens { .. } => {}
        }
    }
    let name = |class: usize| data.classes.get(class).cloned().unwrap_or_else(|| class.to_string());
    counts.into_iter().enumerate().map(|(class, examples)| ClassCount { name: name(class), examples }).collect()
}

fn column(column: &Column) -> Values {
    let missing = column.missing();
    match column.kind {
        ColumnKind::Category => Values {
            name: column.name.clone(),
            kind: "category".to_owned(),
            missing,
            min: None,
            max: None,
            mean: None,
            names: Some(column.names().count()),
        },
        ColumnKind::Number => Values { missing, ..numbers(column.name.clone(), column.numbers()) },
        ColumnKind::Truth => {
            let Values { mean, .. } = numbers(String::new(), column.numbers());
            let (name, kind) = (column.name.clone(), "truth".to_owned());
            Values { name, kind, missing, min: None, max: None, mean, names: None }
        }
    }
}

fn numbers(name: String, values: impl Iterator<Item = f32> + Clone) -> Values {
    let values = values.map(f64::from);
    let count = values.clone().count();
    Values {
        name,
        kind: "number".to_owned(),
        missing: 0,
        min: values.clone().reduce(f64::min),
        max: values.clone().reduce(f64::max),
        mean: (count > 0).then(|| values.sum::<f64>() / count as f64),
        names: None,
    }
}

/// The channels of the training images, before normalisation.
fn channels(data: &Data) -> Vec<Values> {
    let [channels, height, width] = data.train.shape[..] else { return Vec::new() };
    let plane = height * width;
    let of = |channel: usize| {
        let (mean, std) = (data.normalization.mean[channel], data.normalization.std[channel]);
        let planes = data.train.inputs.chunks_exact(channels * plane);
        let values = planes.flat_map(|image| &image[channel * plane..(channel + 1) * plane]);
        // Scaling forth and back loses the last digits; rounding to f32 and three decimals hides that.
        let back = |value: f64| (value * f64::from(std) + f64::from(mean)) as f32;
        let scaled = numbers(format!("channel {channel}"), values.copied());
        let [min, max, mean] = [scaled.min, scaled.max, scaled.mean].map(|value| value.map(back).map(rounded));
        Values { min, max, mean, ..scaled }
    };
    (0..channels).map(of).collect()
}

fn rounded(value: f32) -> f64 {
    (f64::from(value) * 1000.0).round() / 1000.0
}

/// A warning if networks can hardly learn anything from a column.
fn odd(column: &Column) -> Option<String> {
    let there = column.len() - column.missing();
    let remedy = format!("leave it out with --set 'evaluator.ignore=[\"{}\"]'", column.name);
    let name = &column.name;
    if column.kind == ColumnKind::Category {
        let names = column.names().count();
        if names == 1 {
            return Some(format!("the column '{name}' has a single value: {remedy}"));
        }
        let many = there > 20 && 2 * names > there;
        return many
            .then(|| format!("the column '{name}' has {names} names in {there} rows, like an identifier: {remedy}"));
    }
    let mut values = column.numbers();
    let first = values.next()?;
    values.all(|value| value == first).then(|| format!("the column '{name}' has a single value: {remedy}"))
}

fn few(classes: &[ClassCount], kind: Kind) -> Option<String> {
    let few: Vec<&str> =
        classes.iter().filter(|class| class.examples[0] < FEW).map(|class| class.name.as_str()).collect();
    if few.is_empty() {
        return None;
    }
    let (shown, more) = (few.iter().take(5).copied().collect::<Vec<_>>().join(", "), few.len() > 5);
    let more = if more { ", ..." } else { "" };
    Some(match kind {
        Kind::Detection => format!("classes with fewer than {FEW} training objects: {shown}{more}"),
        _ => format!("classes with fewer than {FEW} training examples: {shown}{more}; is 'target' the right column?"),
    })
}

/// A warning if test examples are training examples as well, which makes test results too good.
fn seen(data: &Data) -> Option<String> {
    if data.kind == Kind::Language {
        return None;
    }
    let train: HashSet<&[u8]> = rows(&data.train).collect();
    let count = rows(&data.test).filter(|row| train.contains(row)).count();
    (count > 0).then(|| {
        format!(
            "{count} of {} test examples have the same inputs as a training example: remove duplicates",
            data.test.len()
        )
    })
}

/// The bytes of each input. They are borrowed because a copy may not fit into memory.
fn rows(set: &Examples) -> impl Iterator<Item = &[u8]> {
    bytemuck::cast_slice(&set.inputs).chunks_exact(size_of::<f32>() * set.width())
}
